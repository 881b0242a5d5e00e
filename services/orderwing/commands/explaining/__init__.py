"""`orderwing explain`: `cards` makes decisions again, `asked` reads what if, `told` prints and tells as JSON."""
