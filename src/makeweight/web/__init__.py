"""The dashboard: a study while it runs, the networks side by side, and what they see."""
