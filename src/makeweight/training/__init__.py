"""From a network and a recipe to epochs."""
