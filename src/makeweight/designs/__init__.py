"""From a budget of weights to an architecture: integers and frozen records, no torch."""
