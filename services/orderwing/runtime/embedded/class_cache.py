"""Java's cache of the broker's classes, made once for a set of jars: it takes more than half off every later start."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path

from orderwing.runtime.embedded.errors import EmbeddedError
from orderwing.runtime.embedded.process import ChildProcess

_NEEDED_BYTES = 300_000_000
_DEADLINE_S = 180.0
Recorded = Callable[[Path, Path], None]
Java = Sequence[str | Path]


def class_cache(java: Java, jars: Sequence[Path], record: Recorded) -> Path | None:
    """The cache that Java makes of `jars`, made now if there is none; None where that cannot be or another does it.

    `java` is the program and the options that every process of the broker gets.
    `record(directory, recording)` runs a broker in a directory and has Java write the classes it needs to a file.
    """
    directory = jars[0].parent
    wanted = directory / f"classes-{_fingerprint(java, jars)}.aot"
    if wanted.exists():
        return wanted
    if shutil.disk_usage(directory).free < _NEEDED_BYTES:
        return None
    try:
        with (directory / "classes.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not wanted.exists():
                _make(wanted, java, jars, record)
    except (OSError, EmbeddedError):  # it only saves time
        return None
    return wanted if wanted.exists() else None


def _fingerprint(java: Java, jars: Sequence[Path]) -> str:
    """Java refuses a cache of other files, of another Java or of another collector."""
    told = [(Path(java[0]).parents[1] / "release").read_text("utf-8"), *map(str, java[1:])]
    told += [f"{jar} {(stat := jar.stat()).st_size} {stat.st_mtime_ns}" for jar in jars]
    return blake2b("\n".join(told).encode(), digest_size=8).hexdigest()


def _make(wanted: Path, java: Java, jars: Sequence[Path], record: Recorded) -> None:
    # Through a directory of its own and a rename: a start never sees half a cache.
    with tempfile.TemporaryDirectory(dir=wanted.parent, prefix="fetch-") as scratch:
        recording, made = Path(scratch, "recording"), Path(scratch, "classes.aot")
        record(Path(scratch, "kafka"), recording)
        modes = ["-XX:AOTMode=create", f"-XX:AOTConfiguration={recording}", f"-XX:AOTCache={made}"]
        maker = ChildProcess([*java, *modes, "-cp", class_path(jars)], log=Path(scratch, "log"))
        try:
            status = maker.wait(_DEADLINE_S)
        except BaseException:
            maker.kill()
            raise
        if status == 0 and made.exists():
            for old in wanted.parent.glob("classes-*.aot"):
                old.unlink(missing_ok=True)
            made.replace(wanted)


def class_path(jars: Sequence[Path]) -> str:
    """For Java's -cp."""
    return os.pathsep.join(map(str, jars))
