"""Addresses as strangers write them, read into doors. Knows no gazetteer, and needs nobody's name."""

from orderwing.planning.addresses.completing import completed
from orderwing.planning.addresses.door import Address, AddressError, Door
from orderwing.planning.addresses.reading import read

__all__ = ["Address", "AddressError", "Door", "completed", "read"]
