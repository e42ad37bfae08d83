"""A grid of networks and seeds becomes jobs, and jobs become a study."""
