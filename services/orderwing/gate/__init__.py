"""Gate: the only reader of strangers."""
