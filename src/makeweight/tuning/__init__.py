"""Tuning: the search for the hyperparameters of one family under one budget, with the test images locked away."""
