"""scikit-learn classifiers: a budget of weights in, a trained network out."""
