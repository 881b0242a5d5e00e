"""Points as integers, so that the same place is the same number."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.int64]
Indices = NDArray[np.intp]


def keys(degrees: NDArray[np.float64], digits: int) -> Keys:
    """One integer a point, after rounding to so many decimal digits of a degree (5 are about a metre; at most 6)."""
    per_degree = 10**digits
    latitude, longitude = np.rint(degrees * per_degree).astype(np.int64).T
    found: Keys = (latitude + 90 * per_degree) * (360 * per_degree + 1) + longitude + 180 * per_degree
    return found


def degrees_of(points: Keys, digits: int) -> NDArray[np.float64]:
    """The rounded (n, 2) latitudes and longitudes behind keys."""
    per_degree = 10**digits
    latitude, longitude = np.divmod(points, 360 * per_degree + 1)
    found: NDArray[np.float64] = (
        np.stack([latitude - 90 * per_degree, longitude - 180 * per_degree], axis=1) / per_degree
    )
    return found


class Distinct(NamedTuple):
    """The different points among origins and destinations; `rows` and `columns` say which each origin and each is."""

    degrees: NDArray[np.float64]
    rows: Indices
    columns: Indices


def distinct(origins: NDArray[np.float64], destinations: NDArray[np.float64], digits: int) -> Distinct:
    """Points that are equal after rounding are one."""
    both = keys(np.concatenate([origins, destinations]), digits)
    found, inverse = np.unique(both, return_inverse=True)
    return Distinct(degrees_of(found, digits), inverse[: len(origins)], inverse[len(origins) :])
