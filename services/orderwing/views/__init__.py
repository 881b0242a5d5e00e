"""What happened, told to people: the log projected into Redis, and read back as orders, stock, windows and counts."""
