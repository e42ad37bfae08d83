"""A trained network as a file that runs elsewhere, checked again on the whole test set."""
