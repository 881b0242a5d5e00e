"""OSRM on the loopback address, prepared from a map of OpenStreetMap."""

from __future__ import annotations

import shutil
from pathlib import Path

from orderwing.runtime.embedded.engines.asking import answers
from orderwing.runtime.embedded.engines.maps import fingerprint
from orderwing.runtime.embedded.engines.programs import OsrmPrograms, fetch_osrm
from orderwing.runtime.embedded.errors import EmbeddedError
from orderwing.runtime.embedded.ports import HOST
from orderwing.runtime.embedded.process import ChildProcess
from orderwing.runtime.embedded.progress import Progress, silent
from orderwing.runtime.embedded.server import EmbeddedServer


class EmbeddedOsrm(EmbeddedServer):
    """Contraction hierarchies of one map and profile; prepared at the first start, kept in `data_dir`."""

    name = "OSRM"

    def __init__(
        self,
        data_dir: Path,
        map_file: Path,
        port: int = 0,
        *,
        profile: str = "car",
        max_table_size: int = 100,
        keepalive_s: int = 5,
        small_component: int = 1000,
        threads: int = 2,
        bind: str = HOST,
        cache: Path | None = None,
        progress: Progress = silent,
        start_deadline_s: float = 180.0,
    ) -> None:
        """A table has at most `max_table_size`² pairs; a connection that rests for `keepalive_s` is closed.

        Roads of fewer than `small_component` nodes are islands, beside which a point is matched to the mainland if
        that is near enough. If all of a map is smaller, every match looks for the mainland in all of it: then less.
        """
        super().__init__(data_dir, port, progress=progress, start_deadline_s=start_deadline_s)
        self._map = map_file
        self._profile = profile
        self._limits = (f"--max-table-size={max_table_size}", f"--keepalive-timeout={keepalive_s}")
        self._islands = f"--small-component-size={small_component}"
        self._threads = f"--threads={threads}"
        self._bind = f"--ip={bind}"  # of itself it would listen on every address of the machine
        self._cache = cache

    @property
    def url(self) -> str:
        """The address for clients; known once started."""
        return f"http://{HOST}:{self.port}"

    def _prepare(self) -> Path:
        """The base of the prepared files, made if the map, the profile or OSRM is not that of the last time.

        Raises EmbeddedError: a map that cannot be read, programs that cannot be had.
        """
        programs = fetch_osrm(self._cache, self._progress)
        version = fingerprint(self._map, self._profile, programs.version, self._islands)
        whole = self.data_dir / f"osrm-{version}"
        if not whole.exists():
            self._make(programs, whole, version)
        return whole / "map.osrm"

    def _make(self, programs: OsrmPrograms, whole: Path, version: str) -> None:
        draft = self.data_dir / "draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        base = draft / "map.osrm"
        rules = programs.profile(self._profile)
        extract: tuple[str | Path, ...] = ("-p", rules, "-d", version, self._islands, "-o", base, self._map.absolute())
        self._run(programs.program("osrm-extract"), *extract, step=0)
        self._run(programs.program("osrm-contract"), base, step=1)
        self._progress("Prepare the map for OSRM", 2, 2)
        draft.replace(whole)
        for old in set(self.data_dir.glob("osrm-*")) - {whole}:
            shutil.rmtree(old)

    def _run(self, program: Path, *arguments: str | Path, step: int) -> None:
        self._progress("Prepare the map for OSRM", step, 2)
        child = ChildProcess([program, self._threads, *arguments], log=self.log_file)
        try:
            status = child.wait()  # a country takes hours; whoever waits may interrupt
        except BaseException:
            child.kill()
            raise
        if status != 0:
            raise EmbeddedError(f"OSRM could not prepare {self._map} ({program.name}): see {self.log_file}.")

    def _command(self) -> list[str | Path]:
        base = self._prepare()
        routed = fetch_osrm(self._cache, self._progress).program("osrm-routed")
        return [routed, self._bind, f"--port={self.port}", self._threads, *self._limits, base]

    def _answers(self, timeout_s: float) -> bool:
        return answers(self.port, "/nearest/v1/any/0,0", timeout_s)
