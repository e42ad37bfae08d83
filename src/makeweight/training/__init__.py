"""A network and a recipe become epochs."""
