"""Files of the repository that are made from the code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path


def stale(root: Path, files: Mapping[Path, str], kept: Iterable[Path]) -> list[Path]:
    """Of `files` (path in the repository, text) those missing or different; of those `kept`, what is none of them."""
    differ = [path for path, text in files.items() if not _holds(root / path, text)]
    return sorted([*differ, *(path for one in kept if (path := one.relative_to(root)) not in files)])


def write(root: Path, files: Mapping[Path, str], changed: Sequence[Path]) -> list[Path]:
    """Bring what `stale` found up to date, and return it."""
    for path in changed:
        if path in files:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(files[path], "utf-8")
        else:
            (root / path).unlink()
    return list(changed)


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text("utf-8") == text
