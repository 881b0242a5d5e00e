"""What `orderwing bench decisions` measures: one file a subset, each with `run(options)` that yields its tables."""
