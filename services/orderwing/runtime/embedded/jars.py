"""Jars of the embedded servers: fetched once into a cache, every one checked against its lock at every start."""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from orderwing.runtime.embedded.errors import EmbeddedError
from orderwing.runtime.embedded.progress import Progress, silent
from orderwing.runtime.settings import load

_NEEDED_BYTES = 150_000_000
_TIMEOUT_S = 30
_KAFKA = "jars.lock"


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of a lock."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


def locked_jars(lock: str = _KAFKA) -> list[Jar]:
    """The jars of a lock, which is a file beside this one: `group:artifact:version sha256` a line."""
    text = files("orderwing.runtime.embedded").joinpath(lock).read_text("utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [Jar(*line.replace(":", " ").split()) for line in lines]


def cache_dir() -> Path:
    """Where fetched files are kept: $ORDERWING_CACHE, or `orderwing` in the user's cache directory."""
    if (given := load().embedded.cache) is not None:
        return given.absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "orderwing"


def fetch_jars(
    cache: Path | None = None,
    progress: Progress = silent,
    *,
    offline: bool = False,
    lock: str = _KAFKA,
    task: str = "Kafka jars",
) -> list[Path]:
    """The checked jars, in the order of the lock; those not in the cache are fetched from Maven Central.

    Raises EmbeddedError: wrong checksum, a jar neither cached nor to be had, too little disk.
    """
    directory = (cache or cache_dir()) / "jars"
    jars = locked_jars(lock)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not all((directory / jar.name).exists() for jar in jars):
            require_space(directory, _NEEDED_BYTES)
        for count, jar in enumerate(jars):
            progress(task, count, len(jars))
            if not (directory / jar.name).exists():
                _fetch(jar, directory, progress, offline)
            if not _matches(jar, directory / jar.name):
                raise EmbeddedError(
                    f"{directory / jar.name} is not the file that {lock} names (wrong SHA-256): "
                    "delete it and start again."
                )
        progress(task, len(jars), len(jars))
    except PermissionError as error:
        raise EmbeddedError(f"{directory} cannot be written: set ORDERWING_CACHE to a directory of yours.") from error
    return [directory / jar.name for jar in jars]


def require_space(directory: Path, needed_bytes: int) -> None:
    """Raises EmbeddedError unless `directory` has `needed_bytes` left."""
    free_bytes = shutil.disk_usage(directory).free
    if free_bytes < needed_bytes:
        raise EmbeddedError(
            f"Too little disk space at {directory}: {needed_bytes / 1e6:,.0f} MB are needed and "
            f"{free_bytes / 1e6:,.0f} MB are free; make room or use another directory."
        )


def _matches(jar: Jar, path: Path) -> bool:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256


def _fetch(jar: Jar, directory: Path, progress: Progress, offline: bool) -> None:
    from jgo.maven import MavenContext, PythonResolver  # slow to load, and seldom needed

    # Through a directory of its own and a rename: an interrupted or concurrent fetch leaves no half file.
    with tempfile.TemporaryDirectory(dir=directory, prefix="fetch-") as scratch:
        maven = MavenContext(
            resolver=PythonResolver(progress_callback=_file_progress(progress)),
            repo_cache=Path(scratch),
            offline=offline,
            timeout=_TIMEOUT_S,
        )
        try:
            artifact = maven.project(jar.group, jar.artifact).at_version(jar.version).artifact()
            fetched = Path(artifact.resolve())
        except (OSError, RuntimeError) as error:  # requests' errors are OSErrors
            raise _fetch_error(jar, directory, error) from error
        if not _matches(jar, fetched):
            raise EmbeddedError(
                f"{jar.name} as fetched is not the file that its lock names (wrong SHA-256): "
                "start again, and if it stays so, find what changes files on the way from Maven Central."
            )
        fetched.replace(directory / jar.name)


def _fetch_error(jar: Jar, directory: Path, error: Exception) -> EmbeddedError:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EmbeddedError(f"Too little disk space at {directory}: make room or set ORDERWING_CACHE.")
    return EmbeddedError(
        f"{jar.name} is not in {directory} and could not be fetched from Maven Central ({type(error).__name__}): "
        "connect to the network and start again, or copy that directory from a machine that has it."
    )


def _file_progress(
    progress: Progress,
) -> Callable[[str, int], AbstractContextManager[Callable[[int], None]]]:
    @contextmanager
    def report(name: str, total: int) -> Iterator[Callable[[int], None]]:
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            progress(name, done, total)

        yield advance

    return report
