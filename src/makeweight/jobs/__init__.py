"""A job becomes a result; executors run many of them."""
