from orderwing.commands.network import not_used_yet
from orderwing.shop.catalogue import demo_catalogue
from orderwing.shop.demo_network import demo_network
from support.policies import items, rich_network


def test_what_no_stage_uses_is_told() -> None:
    assert not_used_yet(demo_network(), demo_catalogue()) == []
    told = not_used_yet(rich_network(), items().values())
    assert told == ["rate_cards", "cartons", "transfers", "sites.capabilities", "items.traits"]
