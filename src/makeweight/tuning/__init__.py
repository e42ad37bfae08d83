"""Tuning: the search for the hyperparameters of one family under one budget, without access to test images."""
