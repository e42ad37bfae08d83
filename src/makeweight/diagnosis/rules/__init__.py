"""What measurements mean: one file for each group of faults, one function for each fault."""
