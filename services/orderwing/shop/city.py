"""A British city for experiments: streets with houses on both sides, blocks of flats, and how people write addresses.

Made up, but not kind to whoever reads it: street names occur in several parts of the city, houses are missing, flats
are called in different ways, one shopper in twelve types a postcode wrongly or not at all, points are a few metres off
or missing. Shares are rough figures of English housing (a quarter are flats).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from math import cos, pi, radians, sin
from random import Random
from typing import NamedTuple

METRES_PER_DEGREE = 111_195.0
CENTRE = (53.80, -1.55)
_HOMES_IN_SECTOR = 2_500
_HOMES_WITH_POSTCODE = 16
_NAMES = (
    "High", "Station", "Church", "Park", "Victoria", "Green", "Manor", "Kings", "Queens", "New", "Grange", "North",
    "Highfield", "Mill", "Albert", "George", "St Johns", "St Marys", "Springfield", "The", "Windsor", "York", "West",
    "Chapel", "Woodland", "Beech", "Oak", "Elm", "Cedar", "Poplar", "Hawthorn", "Holly", "Orchard", "Meadow", "Brook",
    "Bridge", "Castle", "Abbey", "Priory", "Alexandra", "Cromwell", "Wellington", "Nelson", "Marlborough", "Clarence",
    "Upper Mill", "Lower Mill", "Great George", "Westfield", "Eastfield", "Northfield", "Ashfield", "Bentley",
    "Harcourt", "Lansdowne", "Belmont", "Cavendish", "Devonshire", "Richmond", "Cardigan", "Kirkstall", "Otley",
)  # fmt: skip
_HOUSES = ("Victoria", "Albion", "Riverside", "Canal", "Kingsway", "Trinity", "Marlowe", "Chaucer", "Ash", "Rowan")
_SUBURBS = ("Headingley", "Burley", "Armley", "Moortown", "Harehills", "Beeston", "Hunslet", "Seacroft")
_SHORT = {"Road": "Rd", "Street": "St", "Avenue": "Ave", "Close": "Cl", "Drive": "Dr", "Lane": "Ln", "Court": "Ct",
          "Crescent": "Cres", "Gardens": "Gdns", "Grove": "Gr", "Terrace": "Terr", "Place": "Pl", "House": "Hse",
          "Saint": "St"}  # fmt: skip


class _Kind(NamedTuple):
    """`frontage_m` a house; `both` sides; of its houses `flats` are converted and `blocks` are blocks."""

    share: float
    types: tuple[str, ...]
    houses: tuple[int, int]
    frontage_m: float
    consecutive: bool
    flats: float
    blocks: float


_KINDS = (
    _Kind(0.34, ("Street", "Terrace", "Grove", "Place"), (20, 90), 5.2, False, 0.06, 0.00),
    _Kind(0.30, ("Avenue", "Drive", "Crescent", "Gardens", "Road"), (16, 80), 10.5, False, 0.01, 0.002),
    _Kind(0.18, ("Close", "Court", "Mews"), (6, 24), 9.0, True, 0.00, 0.01),
    _Kind(0.18, ("Road", "Lane", "Street"), (40, 220), 8.0, False, 0.10, 0.011),
)


class Home(NamedTuple):
    """A door. `house` is its number or `14A`, `building` the name of its block, `flat` a number, letter or floor."""

    home_id: str
    building_id: str
    side_id: str
    flat: str
    building: str
    house: str
    street: str
    sector: str
    postcode: str
    point: tuple[float, float]


class CityOrder(NamedTuple):
    """An order of `home`, as its shopper writes the address; `point` as a geocoder gives it, None where it cannot."""

    order_id: str
    home: Home
    text: str
    city: str
    postcode: str
    country: str
    parcels: int
    point: tuple[float, float] | None


@dataclass(frozen=True)
class City:
    homes: tuple[Home, ...]
    weights: tuple[float, ...]  # accumulated: some homes order ten times as often as others

    @classmethod
    def of(cls, seed: int, homes: int) -> City:
        random = Random(f"city/{seed}")
        built: list[Home] = []
        names: set[tuple[int, str]] = set()
        while len(built) < homes:
            sector = len(built) // _HOMES_IN_SECTOR
            kind = random.choices(_KINDS, [kind.share for kind in _KINDS])[0]
            drawn = [f"{random.choice(_NAMES)} {random.choice(kind.types)}" for _ in range(2)]
            name = next((name for name in drawn if (sector, name) not in names), drawn[0])  # councils try not to repeat
            names.add((sector, name))
            built += _street(random, kind, name, f"S{len(built)}", sector)
        weights = accumulate(random.gammavariate(0.7, 1.0) for _ in built)
        return cls(tuple(built), tuple(weights))

    def orders(self, seed: int, count: int) -> list[CityOrder]:
        """What a delivery station is given at once. Nobody orders by turns: one home may order twice."""
        random = Random(f"orders/{seed}")
        homes = random.choices(self.homes, cum_weights=self.weights, k=count)
        return [_order(random, f"o{n}", home) for n, home in enumerate(homes)]


def _street(random: Random, kind: _Kind, name: str, street_id: str, sector: int) -> Iterator[Home]:
    houses = random.randint(*kind.houses)
    bearing, start = random.uniform(0, 2 * pi), _somewhere(random, sector)
    along_m = {0: 0.0, 1: random.uniform(0, 30)}
    homes_of_side = {0: 0, 1: 0}
    for number in range(1, houses + 1):
        side = 0 if number <= houses // 2 else 1
        if not kind.consecutive:
            side = number % 2
        elif number == houses // 2 + 1:
            along_m[1] = along_m[0]  # round the turning head, and back along the other side
        step_m = kind.frontage_m * random.uniform(0.8, 1.3) + (random.uniform(15, 60) if random.random() < 0.04 else 0)
        along_m[side] += -step_m if kind.consecutive and side else step_m
        if random.random() < 0.04 or number == 13:
            continue  # a yard, a chapel
        point = _moved(start, along_m[side], 9.0 if side else -9.0, bearing)
        unit = homes_of_side[side] // _HOMES_WITH_POSTCODE
        postcode = f"LS{1 + sector % 29} {1 + sector // 29}{_letters(street_id, side, unit)}"
        base = (f"{street_id}/{number}", f"{street_id}/{side}", name, f"{sector}", postcode, point)
        homes = list(_house(random, kind, str(number), *base))
        homes_of_side[side] += len(homes)
        yield from homes


def _house(
    random: Random, kind: _Kind, number: str, building_id: str, side_id: str, street: str, sector: str,
    postcode: str, point: tuple[float, float],
) -> Iterator[Home]:  # fmt: skip
    def home(flat: str, building: str, house: str = number) -> Home:
        where = (flat, building, house, street, sector, postcode, point)
        return Home(f"{building_id}/{house}/{flat}", f"{building_id}/{house}", side_id, *where)

    chance = random.random()
    if chance < kind.blocks:
        name = f"{random.choice(_HOUSES)} {random.choice(('House', 'Court', 'Tower'))}"
        for flat in range(1, random.choice((8, 12, 18, 24, 40, 80)) + 1):
            yield home(str(flat), name)
    elif chance < kind.blocks + kind.flats:
        style = random.choice((("A", "B", "C"), ("1", "2", "3", "4"), ("Ground Floor", "First Floor", "Top Floor")))
        for place in style[: random.randint(2, len(style))]:
            yield home(place, "")
    else:
        yield home("", "")
        if random.random() < 0.01:
            yield home("", "", f"{number}A")  # built in the garden


def _letters(street_id: str, side: int, unit: int) -> str:
    draw = Random(f"{street_id}/{side}/{unit}")
    return "".join(draw.choice("ABDEFGHJLNPQRSTUWXYZ") for _ in range(2))


def _somewhere(random: Random, sector: int) -> tuple[float, float]:
    """Within a square kilometre or so of the sector's middle."""
    draw = Random(f"sector/{sector}")
    middle = _moved(CENTRE, draw.uniform(-6000, 6000), draw.uniform(-6000, 6000), 0.0)
    return _moved(middle, random.uniform(-600, 600), random.uniform(-600, 600), 0.0)


def _moved(point: tuple[float, float], along_m: float, aside_m: float, bearing: float) -> tuple[float, float]:
    north = along_m * cos(bearing) - aside_m * sin(bearing)
    east = along_m * sin(bearing) + aside_m * cos(bearing)
    return (
        point[0] + north / METRES_PER_DEGREE,
        point[1] + east / METRES_PER_DEGREE / cos(radians(CENTRE[0])),
    )


def _order(random: Random, order_id: str, home: Home) -> CityOrder:
    # Whoever lives there types in one way or, as often as not, somebody else does in another.
    hand = Random(f"{home.home_id}/{random.randrange(2)}")
    parcels = random.choices((1, 2, 3), (0.82, 0.14, 0.04))[0]
    noise = (random.gauss(0, 4), random.gauss(0, 4))
    postcode = _postcode(hand, home.postcode)
    point = _moved(home.point, *noise, 0.0) if postcode and random.random() < 0.9 else None
    city = hand.choice(_SUBURBS) if hand.random() < 0.05 else hand.choice(("Leeds", "leeds", "LEEDS", "Leeds "))
    return CityOrder(order_id, home, _text(hand, home), city, postcode, "GB", parcels, point)


def _text(hand: Random, home: Home) -> str:
    street = _abbreviated(hand, home.street)
    if hand.random() < 0.02:
        street = _mistyped(hand, street)
    lines = [*_flat_lines(hand, home), f"{home.house}{hand.choice((' ', ' ', ' ', ', '))}{street}"]
    if home.building and hand.random() < 0.3:
        lines[-1] = street  # whoever lives in a named block often leaves the number out
    if hand.random() < 0.04:
        lines.insert(0, hand.choice(("Rose Cottage", "J Smith", "c/o Patel", "Acme Ltd")))
    if hand.random() < 0.05:
        lines.append(hand.choice(_SUBURBS))
    text = hand.choice((", ", ", ", "\n", " ") if len(lines) < 3 else (", ", "\n")).join(lines)
    return hand.choice((str, str, str, str.lower, str.upper))(text)


def _flat_lines(hand: Random, home: Home) -> list[str]:
    if not home.flat or hand.random() < 0.03:
        return []  # some forget it
    building = _abbreviated(hand, home.building)
    if home.flat.endswith("Floor"):
        return [hand.choice((f"{home.flat} Flat", home.flat, f"{home.flat.lower()} flat"))]
    if building and hand.random() < 0.35:
        return [f"{home.flat} {building}"]
    flat = f"{hand.choice(('Flat', 'Flat', 'Flat', 'Apartment', 'Apt', 'Apt.', 'Flt', 'Unit'))} {home.flat}"
    return [flat, building] if building and hand.random() < 0.7 else [flat]


def _abbreviated(hand: Random, name: str) -> str:
    words = [_SHORT.get(word, word) + hand.choice(("", "", ".")) if hand.random() < 0.35 and word in _SHORT else word
             for word in name.split()]  # fmt: skip
    text = " ".join(words)
    return text.replace("St Johns", hand.choice(("St Johns", "St. John's", "Saint Johns", "St John’s")))


def _mistyped(hand: Random, text: str) -> str:
    place = hand.randrange(len(text) - 1)
    return hand.choice((text[:place] + text[place + 1 :], text[:place] + text[place + 1] + text[place:]))


def _postcode(hand: Random, postcode: str) -> str:
    chance = hand.random()
    if chance < 0.05:
        return ""
    if chance < 0.07:
        return postcode[:-1] + hand.choice("ABDEFGH")
    if chance < 0.08:
        return postcode.replace(" ", " 9", 1)
    return hand.choice((postcode, postcode, postcode.replace(" ", ""), postcode.lower()))
