"""The bench of the payment gateway asks a provider that runs beside it."""

from orderwing.bench.gateway import measure


def test_both_ways_of_asking_are_told_beside_the_provider() -> None:
    sheet = measure(requests=5, rounds=1)
    assert sheet.rows[0][2] == "1.00"
    assert len(sheet.rows) == 3
    assert float(sheet.rows[0][1].replace(",", "")) > 0
