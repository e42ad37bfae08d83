"""What a trained network costs to use, measured and never estimated."""
