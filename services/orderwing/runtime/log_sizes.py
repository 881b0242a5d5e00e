"""How many bytes the topics take on disk, as a broker's log directory or Kafka's own tool tells."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from orderwing.runtime.errors import OperatorError

_PARTITION = re.compile(r"(.+)-\d+")
_OF_SEGMENTS = {".log"}  # indexes are made ahead and mostly empty; Kafka's tool does not count them either


def of_directory(log_dir: Path) -> Mapping[str, int]:
    """Bytes by topic in one broker's `log.dirs`. Raises OperatorError if it is none."""
    sizes: Counter[str] = Counter()
    for directory in log_dir.iterdir() if log_dir.is_dir() else ():
        if (found := _PARTITION.fullmatch(directory.name)) and directory.is_dir():
            segments = (file for file in directory.iterdir() if file.suffix in _OF_SEGMENTS)
            sizes[found[1]] += sum(file.stat().st_size for file in segments)
    if not sizes:
        raise OperatorError(f"{log_dir} is no log directory of a broker: name what `log.dirs` says.")
    return sizes


def of_description(text: str) -> Mapping[str, int]:
    """Bytes by topic, all replicas together, in what `kafka-log-dirs.sh --describe` printed.

    Raises OperatorError if it is something else.
    """
    sizes: Counter[str] = Counter()
    try:
        for topic, size in _told(json.loads(next(line for line in text.splitlines() if line.startswith("{")))):
            sizes[topic] += size
    except (StopIteration, ValueError, KeyError, TypeError):
        raise OperatorError("This is not what `kafka-log-dirs.sh --describe` prints.") from None
    return sizes


def _told(
    description: Mapping[str, list[dict[str, list[dict[str, list[dict[str, str]]]]]]],
) -> Iterator[tuple[str, int]]:
    for broker in description["brokers"]:
        for log_dir in broker["logDirs"]:
            for partition in log_dir["partitions"]:
                yield partition["partition"].rpartition("-")[0], int(partition["size"])
