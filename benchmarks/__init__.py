"""What makeweight's speed, memory and start-up are, and how they compare; run with ``python -m benchmarks``."""
