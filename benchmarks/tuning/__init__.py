"""Part ``tuning``: what a search finds on FashionMNIST with 100K weights, for the same seconds of one processor."""
