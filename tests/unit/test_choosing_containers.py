"""Which tests `--containers` runs, said without an engine."""

from collections.abc import Collection, Mapping

import pytest

from support.containers import shares_servers


@pytest.mark.parametrize(
    ("fixtures", "params", "shares"),
    [
        (("broker",), {}, True),
        (("tmp_path", "redis_url"), {"sampled": True}, True),
        (("cast", "probe"), {"cast": "kafka"}, True),
        (("cast", "probe"), {"cast": "simulated"}, False),
        (("cast", "probe"), {}, False),  # a file may have a cast of its own
        (("cast",), {"sampled": True}, False),
        (("embedded_broker", "tmp_path"), {}, False),
        (("tmp_path",), {}, False),
    ],
)
def test_it_is_who_takes_the_shared_servers(
    fixtures: Collection[str], params: Mapping[str, object], shares: bool
) -> None:
    assert shares_servers(fixtures, params) is shares
