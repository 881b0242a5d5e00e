"""Sourcing policies as data: `file` reads one, `compiling` checks it against a network, `sourcing` decides by it."""
