"""The map that an engine is made of."""

from __future__ import annotations

import hashlib
from pathlib import Path

from orderwing.runtime.embedded.errors import EmbeddedError

_KINDS = (".osm", ".osm.bz2", ".osm.pbf")


def fingerprint(map_file: Path, *how: str) -> str:
    """Of the map and how it is prepared: another map, profile or engine gives another. Raises EmbeddedError."""
    if not map_file.name.endswith(_KINDS):
        raise EmbeddedError(f"{map_file} is no OpenStreetMap file: its name must end with {', '.join(_KINDS)}.")
    try:
        with map_file.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
    except OSError as error:
        raise EmbeddedError(f"{map_file} cannot be read ({error.strerror}): name a map that is there.") from error
    for word in how:
        digest.update(f"\n{word}".encode())
    return digest.hexdigest()[:16]
