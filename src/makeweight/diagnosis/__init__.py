"""Why a network underperforms: what is measured, what it means, how sure that is, and what to do."""
