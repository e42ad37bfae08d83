"""The reliability campaign: faults injected at every point, a soak, fuzzing, determinism, environments."""
