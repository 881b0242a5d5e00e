"""The environment of quixstreams: its pins conflict with ours, so that it has one of its own, made from a lock file."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

from orderwing.runtime.embedded.jars import cache_dir
from orderwing.runtime.embedded.progress import Progress
from orderwing.runtime.errors import OperatorError

_LOCK = "quixstreams.lock"
_INSTALL = ("-m", "pip", "install", "--only-binary=:all:", "--require-hashes", "-r")
_TASK = "quixstreams' environment, once"


def directory() -> Path:
    """Named after what is in it, so that another lock or Python makes another."""
    lock = files("orderwing.bench.peers").joinpath(_LOCK).read_bytes()
    name = hashlib.sha256(lock + platform.python_version().encode()).hexdigest()[:12]
    return cache_dir() / "peers" / f"quixstreams-{name}"


def python() -> Path | None:
    """None while it is not made."""
    found = directory() / "bin" / "python"
    return found if found.exists() else None


def make(progress: Progress) -> Path:
    """Its Python; made at the first call, which takes a minute. Raises OperatorError."""
    if (found := python()) is not None:
        return found
    whole = directory()
    log = whole.with_suffix(".log")
    draft = whole.with_name(f"{whole.name}.{os.getpid()}")
    progress(_TASK, 0, 1)
    try:
        whole.parent.mkdir(parents=True, exist_ok=True)
        lock = str(files("orderwing.bench.peers").joinpath(_LOCK))
        with log.open("wb") as output:
            for command in (
                (sys.executable, "-m", "venv", str(draft)),
                (str(draft / "bin" / "python"), *_INSTALL, lock),
            ):
                subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=True)
        draft.replace(whole)
    except (OSError, subprocess.CalledProcessError):
        raise OperatorError(
            f"The environment of quixstreams could not be made (see {log}): connect to the network and start again, "
            "or name the other peers with --peer."
        ) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    progress(_TASK, 1, 1)
    return whole / "bin" / "python"


def versions() -> str:
    """Of what is measured there."""
    names = ("quixstreams", "confluent-kafka", "pydantic", "rocksdict")
    lines = files("orderwing.bench.peers").joinpath(_LOCK).read_text("utf-8").splitlines()
    pins = dict(line.split(" ")[0].split("==") for line in lines if "==" in line and not line.startswith(("#", " ")))
    return ", ".join(f"{name} {pins[name]}" for name in names)
