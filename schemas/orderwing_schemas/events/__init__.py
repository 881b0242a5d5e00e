"""Every event of orderwing, a module per producer. A new version is a new class; released ones are never edited."""
