"""OSRM's programs: a wheel, installed by pip against osrm.lock into the cache, and checked at every start."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from csv import reader
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from orderwing.runtime.embedded.errors import EmbeddedError
from orderwing.runtime.embedded.jars import cache_dir, require_space
from orderwing.runtime.embedded.progress import Progress, silent

_NEEDED_BYTES = 150_000_000
_TASK = "OSRM programs"
# Programs, not a library of ours: which Python the wheel is for does not matter.
_INSTALL = ("-m", "pip", "install", "--quiet", "--python-version=3.12", "--only-binary=:all:", "--no-deps")
_RUN = ("osrm-extract", "osrm-contract", "osrm-routed")


@dataclass(frozen=True, slots=True)
class OsrmPrograms:
    """What the wheel holds, in `root`."""

    root: Path
    version: str

    def program(self, name: str) -> Path:
        return self.root / "osrm" / "bin" / name

    def profile(self, name: str) -> Path:
        """The rules of a way of travel. Raises EmbeddedError if there is none of that name."""
        found = self.root / "osrm" / "share" / "profiles" / f"{name}.lua"
        if not found.exists():
            raise EmbeddedError(f"OSRM has no profile {name}: choose car, bicycle or foot.")
        return found


def fetch_osrm(cache: Path | None = None, progress: Progress = silent) -> OsrmPrograms:
    """The checked programs; fetched by pip, from where it is told to, if they are not in the cache.

    Raises EmbeddedError: no wheel for this machine, none to be had, a changed file, too little disk.
    """
    lock = files("orderwing.runtime.embedded.engines").joinpath("osrm.lock").read_bytes()
    version = lock.partition(b"osrm-bindings==")[2].split(None, 1)[0].decode()
    engines = (cache or cache_dir()) / "engines"
    root = engines / f"osrm-{version}-{hashlib.sha256(lock).hexdigest()[:12]}"
    try:
        if not root.exists():
            engines.mkdir(parents=True, exist_ok=True)
            require_space(engines, _NEEDED_BYTES)
            _install(root, lock, progress)
    except PermissionError as error:
        raise EmbeddedError(f"{engines} cannot be written: set ORDERWING_CACHE to a directory of yours.") from error
    if changed := next(_changed(root), None):
        raise EmbeddedError(f"{changed} is not the file that was installed: delete {root} and start again.")
    return OsrmPrograms(root, version)


def _install(root: Path, lock: bytes, progress: Progress) -> None:
    # Through a directory of its own and a rename: an interrupted or concurrent fetch leaves no half set.
    draft = root.with_name(f"{root.name}.{os.getpid()}")
    log = root.with_name(f"{root.name}.log")
    wanted = draft / "osrm.lock"
    progress(_TASK, 0, 1)
    try:
        draft.mkdir()
        wanted.write_bytes(lock)
        with log.open("wb") as output:
            for command in _commands(draft, wanted):
                subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=True)
        made = draft / "made"
        for name in _RUN:
            (made / "osrm" / "bin" / name).chmod(0o755)
        if not root.exists():
            made.replace(root)
    except (OSError, subprocess.CalledProcessError) as error:
        if not root.exists():  # else another made it meanwhile
            raise EmbeddedError(
                f"OSRM is not in {root} and could not be fetched from the Python package index (see {log}): connect "
                "to the network and start again, or copy that directory from a machine of this kind that has it."
            ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    progress(_TASK, 1, 1)


def _commands(draft: Path, lock: Path) -> Iterator[list[str]]:
    """What installs the lock into `made`; an environment that was made without pip borrows one."""
    python = sys.executable
    if find_spec("pip") is None:
        yield [python, "-m", "venv", str(draft / "pip")]
        python = str(draft / "pip" / "bin" / "python")
    yield [python, *_INSTALL, f"--target={draft / 'made'}", "--require-hashes", "-r", str(lock)]


def _changed(root: Path) -> Iterator[Path]:
    """Files to be run that are not what the wheel's own list, which pip checked, says."""
    record = next(root.glob("osrm_bindings-*.dist-info"), root) / "RECORD"
    if not record.exists():
        yield record
        return
    with record.open(newline="", encoding="utf-8") as lines:
        listed = [(root / name, digest) for name, digest, _ in reader(lines)]
    for path, digest in listed:
        if path.name in _RUN or path.suffix == ".lua":
            with path.open("rb") as file:
                found = urlsafe_b64encode(hashlib.file_digest(file, "sha256").digest()).rstrip(b"=").decode()
            if digest != f"sha256={found}":
                yield path
