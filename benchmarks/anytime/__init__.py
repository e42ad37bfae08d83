"""What other tools find in the time of a ``makeweight tune``: ``scripts/measure_time.py`` runs them."""
