"""Addresses as people write them: spellings of one door are one, doors that differ stay apart."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

from orderwing.planning.addresses import Address, AddressError, Door, completed, read, reading, units

SAME = (
    ("14 High Street", "14 HIGH ST.", "14, High Street", "No. 14 High Street", "14  high\tstreet", "１４ High Street"),
    (
        "Flat 2, 14 High Street",
        "14 High Street, Flat 2",
        "Flat 2 - 14 High St",
        "flat2 14 High Street",
        "2, 14 High St",
    ),
    ("14A High Street", "14 a high street", "Flat A, 14 High Street", "Apt. A 14 High St"),
    ("12 St John's Road", "12 Saint Johns Rd", "12 St. John’s Road", "12 ST JOHNS ROAD,"),
    ("Ground Floor Flat, 9 Elm Grove", "GFF, 9 Elm Gr.", "9 Elm Grove, ground floor", "ground flat 9 elm grove"),
    ("First Floor Flat, 9 Elm Grove", "1st floor flat, 9 Elm Grove", "FFF 9 Elm Grove"),
    ("3 Victoria House, 14 Mill Road", "3 Victoria House 14 Mill Rd", "Flat 3, Victoria Hse, 14 Mill Rd"),
    ("Flat 12, Block C, Riverside Court, Mill Road", "Block C Flat 12\nRiverside Court\nMill Rd"),
    ("Rose Cottage, Church Lane", "rose cottage\nchurch ln"),
    ("7 Mill Road", "J Smith, 7 Mill Road", "c/o Acme Ltd, 7 Mill Rd", "Smith 7 Mill Road, Headingley, Leeds, LS6 3AB"),
    ("7 Mill Road", "7 Mill Road, Leeds, UK", "7 Mill Rd Leeds"),
    ("14-16 High Street North", "14 - 16 high st north", "14–16 High St. North"),
    ("1 Upper Mount Street", "1 Upr Mount St"),
)
APART = (
    "14 High Street", "14 High Road", "15 High Street", "14 New High Street", "Flat 1, 14 High Street",
    "Flat 2, 14 High Street", "Flat 2, 15 High Street", "14A High Street", "14-16 High Street", "Top Flat, 14 High St",
    "Flat 12, 14 High Street", "The Flat, 14 High Street", "Basement Flat, 14 High Street", "High House, High Street",
    "Flat 2, Block A, 14 High Street", "Flat 2, Block B, 14 High Street", "PO Box 14", "1st Avenue", "1 First Street",
)  # fmt: skip


def british(text: str, postcode: str = "LS6 3AB", city: str = "Leeds") -> Address:
    return Address(text, city, postcode, "GB")


@pytest.mark.parametrize("spellings", SAME, ids=lambda spellings: spellings[0])
def test_spellings_of_one_door(spellings: tuple[str, ...]) -> None:
    expected = read(british(spellings[0])).key
    assert {spelling: read(british(spelling)).key for spelling in spellings} == dict.fromkeys(spellings, expected)


def test_doors_that_differ_stay_apart() -> None:
    doors = {text: read(british(text)).key for text in APART}
    assert [pair for pair in combinations(APART, 2) if doors[pair[0]] == doors[pair[1]]] == []


def test_what_a_door_is_made_of() -> None:
    door = read(Address("Flat 2, Victoria Hse, 14 St. John's Rd", "LEEDS", "ls63ab", "GB"))
    assert door == ("GB", "LS6 3AB", "leeds", "saint johns road", "14", "2", "victoria house")
    assert (door.area, door.district, door.number) == ("LS6 3AB", "LS6 3", 14)
    assert door.address() == ("flat 2, victoria house, 14 saint johns road", "leeds", "LS6 3AB", "GB")


@pytest.mark.parametrize(
    ("written", "read_as"),
    [("LS6 3AB", "LS6 3AB"), ("ls63ab", "LS6 3AB"), ("SW1A IAA", "SW1A 1AA"), ("M1 OAA", "M1 0AA"), ("LS6 3", "LS6 3"),
     ("12345", ""), ("LS6 3A", ""), ("", "")],
)  # fmt: skip
def test_a_british_postcode_has_one_form_or_does_not_count(written: str, read_as: str) -> None:
    assert read(british("14 High Street", written)).postcode == read_as


def test_a_postcode_within_the_text_counts_and_the_city_beside_it_does_not() -> None:
    told = read(Address("14 High Street, Leeds LS6 3AB", "", "", "GB"))
    assert told.key == read(british("14 High Street")).key
    assert read(british("14 High Street", city="Headingley")).key == told.key


@pytest.mark.parametrize(
    ("country", "spellings"),
    [
        ("DE", ("Hauptstraße 12a", "Hauptstr. 12 a", "HAUPTSTRASSE 12A")),
        ("FR", ("12 rue de la Paix", "12, R. de la Paix", "12 Rue de la Paix")),
        ("ES", ("Calle Mayor 5", "C/ Mayor, 5", "c. mayor nº 5")),
        ("IT", ("Via Roma, 10", "Via Roma 10", "10 VIA ROMA")),
        ("PL", ("ul. Długa 5", "UL. DŁUGA 5")),
        ("RU", ("улица Ленина, 5", "УЛИЦА ЛЕНИНА 5")),
        ("IN", ("गली नंबर ५", "गली नंबर 5")),
    ],
)
def test_beyond_britain_general_rules_hold(country: str, spellings: tuple[str, ...]) -> None:
    keys = {read(Address(text, "Ville", "10115", country)).key for text in spellings}
    assert len(keys) == 1
    (_, area, street, house, _) = keys.pop()
    assert area == "10115 ville"
    assert street
    assert house


def test_marks_are_letters_where_the_script_needs_them() -> None:
    assert read(Address("गली 5", "x", "", "IN")).key != read(Address("गला 5", "x", "", "IN")).key
    assert read(Address("Ångström väg 5", "x", "", "SE")).key == read(Address("Angstrom vag 5", "x", "", "SE")).key


@pytest.mark.parametrize("text", ["", "  \n ", "...", "c/o Smith", "Leeds", "LS6 3AB", "\u200b"])
def test_an_address_without_a_door_is_an_error_that_does_not_repeat_it(text: str) -> None:
    with pytest.raises(AddressError, match=r"^text names no street and no house$") as error:
        read(Address(text, "Leeds", "", "GB"))
    assert error.value.field == "text"


def test_a_country_is_two_letters() -> None:
    with pytest.raises(AddressError, match=r"^country is not two capital letters"):
        read(Address("14 High Street", country="England"))


def test_a_block_that_some_call_by_its_number_gets_it_for_all() -> None:
    both, name, number, elsewhere = (
        read(british("Flat 1, Victoria House, 14 Mill Road")),
        read(british("Flat 2, Victoria House, Mill Road")),
        read(british("Flat 3, 14 Mill Road")),
        read(british("Flat 2, Victoria House, Mill Road", "LS7 1AA")),
    )
    assert [door.house for door in completed([both, name, number, elsewhere])] == ["14", "14", "14", "victoria house"]


def test_where_neighbours_disagree_nothing_is_guessed() -> None:
    doors = [read(british(f"Victoria House, {place}Mill Road")) for place in ("14 ", "16 ", "")]
    assert completed(doors) == doors


@pytest.mark.parametrize("field", ["text", "city", "postcode"])
def test_what_is_too_long_for_an_address_is_refused_by_field(field: str) -> None:
    address = Address("14 High Street", "Leeds", "LS6 3AB", "GB")
    with pytest.raises(AddressError, match=f"^{field} is longer than [0-9]+ characters$") as error:
        read(address._replace(**{field: "a, " * 400}))
    assert error.value.field == field


def test_an_address_is_read_in_a_bounded_number_of_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[Address] = []
    plain = reading.by_all_rules

    def counted(address: Address) -> Door:
        rounds.append(address)
        return plain(address)

    monkeypatch.setattr(reading, "by_all_rules", counted)
    with pytest.raises(AddressError, match="too many numbers"):
        read(Address("a 1 b 2 " * 60, country="DE"))
    assert len(rounds) <= reading.MOST_ROUNDS + 1


def test_words_that_could_begin_a_flat_are_looked_at_once() -> None:
    class Counted(list[str]):
        looked = 0

        def __getitem__(self, place: Any) -> Any:
            self.looked += 1
            return super().__getitem__(place)

    tokens = Counted(["the"] * 200)
    place = 1
    while place < len(tokens):
        place, unit, _ = units._flat_at(tokens, place)
        assert not unit
    assert tokens.looked < 2_000
