"""makeweight finds the best image classifier that fits your weight budget, and proves it."""

__version__ = "0.1.0"
