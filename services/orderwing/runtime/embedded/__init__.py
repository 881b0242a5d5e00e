"""A real broker and a real Redis as child processes, without Docker."""
