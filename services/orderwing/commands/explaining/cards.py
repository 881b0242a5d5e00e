"""Decision cards made again, by the order and the reference data that the log holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from orderwing.commands.policy_log import policies_of
from orderwing.kernel.ports import Record
from orderwing.planning.explaining.breakeven import Findings, break_evens
from orderwing.planning.explaining.by_policy import by_policy
from orderwing.planning.explaining.deciding import Decide, PricingError, Verdict, exactly, quickly
from orderwing.planning.explaining.facts import Facts, facts_of
from orderwing.planning.policies.compiling import compiled
from orderwing.planning.policies.file import Parsed, PolicyError
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.kafka_client import Cluster
from orderwing.runtime.operator_log import OperatorLog
from orderwing.runtime.publish import published
from orderwing_schemas.codec import decode, header_map
from orderwing_schemas.domain import Order
from orderwing_schemas.events.reference import NetworkPublished
from orderwing_schemas.events.reservation import DecisionCard
from orderwing_schemas.network import Item, Network
from orderwing_schemas.policy import Policy
from orderwing_schemas.topics import REFERENCE

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Reference:
    """Networks that the log still has, by version; `latest` is what is published now. The catalogue is today's.

    `policies` that it still has, by name and version.
    """

    networks: Mapping[int, Network]
    items: tuple[Item, ...]
    latest: Network
    policies: Mapping[tuple[str, int], Policy] = field(default_factory=dict)

    def knowing(self, policy: Policy) -> Reference:
        """With a policy that the log may have lost."""
        return replace(self, policies={(policy.policy, policy.version): policy, **self.policies})


@dataclass(frozen=True)
class Remade:
    """A decision made again by `decide`, as it was made. `findings` and `exact_findings` are of the two ways to decide.

    `exact` is by the network's rules alone; None where goods cannot be priced; `no_price` says why.
    """

    network: Network  # all of it, not only what the decision looked at
    facts: Facts
    decide: Decide
    verdict: Verdict
    findings: Findings
    exact: Verdict | None
    no_price: str | None

    @property
    def by_policy(self) -> bool:
        return self.decide is not quickly

    def exact_findings(self) -> Findings | None:
        return None if self.exact is None else break_evens(self.facts, self.exact, exactly)


class CardError(Exception):
    """Why a decision cannot be made again: a sentence."""


def read_reference(cluster: Cluster) -> Reference:
    """Raises OperatorError."""
    with OperatorLog(cluster, "reader") as log:
        return reference_of(log.read(REFERENCE.name, 0))


def reference_of(records: Iterable[Record]) -> Reference:
    """Raises OperatorError where no network is published."""
    kept = list(records)
    networks = {}
    for record in kept:
        event_type = header_map(record.headers).get("ce_type")
        if record.value is not None and event_type == NetworkPublished.EVENT_TYPE:
            event = decode(record.value, event_type)
            if isinstance(event, NetworkPublished):
                networks[event.network.version] = event.network
    found = published(kept)
    if found.network is None:
        raise OperatorError("No network is published: run `orderwing network load` or `orderwing market open`.")
    policies = {(one.policy.policy, one.policy.version): one.policy for one in policies_of(kept)}
    return Reference(networks, found.items, found.network, policies)


def order_of(told: Json | None) -> Order | None:
    """As the views keep it."""
    return None if told is None else Order.model_validate_json(json.dumps(told))


def card_of(told: Json) -> DecisionCard:
    return DecisionCard.model_validate_json(json.dumps(told), extra="ignore")


def facts_of_card(card: DecisionCard, order: Order | None, reference: Reference) -> Facts:
    """What the decision saw. Raises CardError."""
    facts = card.facts
    if facts is None:
        if card.stage != "reservation" or card.decision.startswith(("one box", "route")):
            raise CardError("This decision rests on others and cannot be made again by itself.")
        raise CardError("The card does not hold all that the decision saw, so it cannot be made again.")
    network = reference.networks.get(facts.network_version)
    if network is None:
        raise CardError(
            f"It was decided on version {facts.network_version} of the network, which is gone from the log: now it is "
            f"version {reference.latest.version}."
        )
    if order is None:
        raise CardError("The order itself is not in the views yet, so the decision cannot be made again.")
    stock = {(site_id, sku): units for site_id, sku, units in card.seen}
    lines = order.lines if facts.lines is None else facts.lines
    skus = dict.fromkeys([line.sku for line in lines])
    sites = network.sites_by_region.get(facts.region, ())
    places = [(site.site_id, sku) for sku in skus for site in sites]
    if facts.atp is not None:
        stock = dict(zip(places, facts.atp, strict=True))
    return facts_of(
        order,
        network,
        reference.items,
        stock,
        region=facts.region,
        now_ms=card.at_ms,
        lines=lines,
        whole=facts.whole,
        without_site=facts.without_site,
        by_ms=facts.by_ms,
        steering=None if facts.steering is None else dict(zip(places, facts.steering, strict=True)),
    )


def decide_of(card: DecisionCard, reference: Reference) -> Decide:
    """As the card's decision was made, on its network. Raises CardError where its policy is gone."""
    facts = card.facts
    if facts is None or facts.policy is None:
        return quickly
    label = f"version {facts.policy_version} of the policy {facts.policy}"
    policy = reference.policies.get((facts.policy, facts.policy_version or 0))
    if policy is None:
        raise CardError(f"It was decided by {label}, which is gone from the log: name its file with --policy.")
    network = reference.networks[facts.network_version]
    try:
        return by_policy(compiled(Parsed(facts.policy, policy, {}), network))
    except PolicyError as error:
        raise CardError(f"It was decided by {label}, and this is another document of that version: {error}") from None


def is_reproduced(card: DecisionCard, verdict: Verdict) -> bool:
    """Whether a decision made again is the one that was made, with all that was weighed."""
    return verdict.chosen == card.chosen and verdict.candidates[: len(card.candidates)] == card.candidates


def remade(card: DecisionCard, order: Order | None, reference: Reference) -> Remade:
    """Raises CardError."""
    facts = facts_of_card(card, order, reference)
    decide = decide_of(card, reference)
    verdict = decide(facts)
    if not is_reproduced(card, verdict):
        raise CardError(
            f"Made again it is {verdict.chosen}: catalogue or program are no longer those it was made with, so nothing "
            "is told about what would have changed it."
        )
    exact, no_price = priced(exactly, facts)
    network = reference.networks[facts.network.version]
    return Remade(network, facts, decide, verdict, break_evens(facts, verdict, decide), exact, no_price)


def priced(decide: Decide, facts: Facts) -> tuple[Verdict | None, str | None]:
    """The verdict, or why there is no price."""
    try:
        return decide(facts), None
    except PricingError as error:
        return None, str(error)
