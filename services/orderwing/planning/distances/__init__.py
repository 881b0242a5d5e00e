"""How far it is from each point to each other: as the crow flies, or by road from a routing engine."""

from orderwing.planning.distances.places import Area, BadPointError, Places
from orderwing.planning.distances.port import UNREACHABLE, Distances, EngineError, Matrix, RoadEngine

__all__ = ["UNREACHABLE", "Area", "BadPointError", "Distances", "EngineError", "Matrix", "Places", "RoadEngine"]
