"""What results mean, with their uncertainty; NumPy and SciPy only."""
