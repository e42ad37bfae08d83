"""The diagnosis on a corpus of broken and healthy training programs."""
