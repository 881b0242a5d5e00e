"""Decision cards made again, by the order and the reference data that the log holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from orderwing.commands.explaining import jointly, routes
from orderwing.commands.policy_log import policies_of
from orderwing.kernel.ports import Record
from orderwing.planning.explaining.by_policy import by_policy
from orderwing.planning.explaining.deciding import (
    Decide,
    Verdict,
    quickly,
)
from orderwing.planning.explaining.facts import Facts, facts_of
from orderwing.planning.policies.compiling import Compiled, compiled
from orderwing.planning.policies.file import Parsed, PolicyError
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.kafka_client import Cluster
from orderwing.runtime.operator_log import OperatorLog
from orderwing.runtime.publish import published
from orderwing.runtime.skipping import event_in
from orderwing_schemas.codec import header_map
from orderwing_schemas.domain import Order
from orderwing_schemas.events.reference import NetworkPublished
from orderwing_schemas.events.reoptimizer import ProposalFacts, ProposalMade
from orderwing_schemas.events.reservation import CardFacts, DecisionCard, PlanFacts
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
            event = event_in(record)
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


def proposal_of(told: Json) -> ProposalMade:
    return ProposalMade.model_validate_json(json.dumps(told), extra="ignore")


def facts_of_card(card: DecisionCard, order: Order | None, reference: Reference) -> Facts:
    """What a decision of reservation saw. Raises CardError."""
    facts = card.facts
    if facts is None:
        raise CardError(why_without_facts(card))
    network = network_of(facts.network_version, reference)
    order = there(order)
    elsewhere = _elsewhere(card.decision, facts.region, network)
    stock = {(site_id, sku): units for site_id, sku, units in card.seen}
    lines = order.lines if facts.lines is None else facts.lines
    skus = dict.fromkeys([line.sku for line in lines])
    sites = [site for one in elsewhere or (facts.region,) for site in network.sites_by_region.get(one, ())]
    places = [(site.site_id, sku) for sku in skus for site in sites]
    if facts.atp is not None:
        stock = routes.told_of(dict(zip(places, facts.atp, strict=True)))
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
        elsewhere=elsewhere,
        used=facts.used,
    )


def _elsewhere(decision: str, home: str, network: Network) -> tuple[str, ...]:
    """The regions looked at, where they are not home alone."""
    region = network.region_by_id.get(home)
    if region is None or decision not in (*routes.DECISIONS, jointly.TOGETHER):
        return ()
    return (home, *region.neighbours) if decision == jointly.TOGETHER else region.neighbours


def why_without_facts(card: DecisionCard) -> str:
    """Why a card keeps nothing to make its decision again by: what is missing."""
    decision = card.decision
    if card.stage == "reservation" and decision.startswith("one box"):
        return "It tells what the regions answered: each region's own card says why its sites could not."
    if decision == routes.STALE:
        return "It tells what the regions answered: their stock had changed since they told of it."
    missing = "all the stock that the decision saw, or the limits of its search"
    if card.stage == "allocation":
        missing = "what was held and promised, nor when each plan would have left"
        if decision.startswith(("changed by", "kept the plan")):
            return "It tells what came of a decision above: that one is made again."
        if decision.startswith("planned: a departure"):
            return "It cannot be made again: the card does not hold what was held, nor how full departures were."
        if decision.startswith("refused a proposal"):
            return "It cannot be made again: the card does not hold the plan that stood, nor how full departures were."
    return f"It cannot be made again: the card does not hold {missing}."


def network_of(version: int, reference: Reference) -> Network:
    """Raises CardError."""
    network = reference.networks.get(version)
    if network is None:
        raise CardError(
            f"It was decided on version {version} of the network, which is gone from the log: now it is "
            f"version {reference.latest.version}."
        )
    return network


def there(order: Order | None) -> Order:
    """Raises CardError."""
    if order is None:
        raise CardError("The order itself is not in the views yet, so the decision cannot be made again.")
    return order


def compiled_of(card: DecisionCard, reference: Reference) -> Compiled | None:
    """The policy that the card's decision was made by, on its network. Raises CardError where it is gone."""
    return None if card.facts is None else policy_in(card.facts, reference)


def policy_in(facts: CardFacts | PlanFacts | ProposalFacts, reference: Reference) -> Compiled | None:
    """The policy that facts name, on their network. Raises CardError where it is gone."""
    if facts.policy is None:
        return None
    label = f"version {facts.policy_version} of the policy {facts.policy}"
    policy = reference.policies.get((facts.policy, facts.policy_version or 0))
    if policy is None:
        raise CardError(f"It was decided by {label}, which is gone from the log: name its file with --policy.")
    network = network_of(facts.network_version, reference)
    try:
        return compiled(Parsed(facts.policy, policy, {}), network)
    except PolicyError as error:
        raise CardError(f"It was decided by {label}, and this is another document of that version: {error}") from None


def decide_of(card: DecisionCard, reference: Reference) -> Decide:
    """As a region chose its sites. Raises CardError where its policy is gone."""
    policy = compiled_of(card, reference)
    return quickly if policy is None else by_policy(policy)


def is_reproduced(card: DecisionCard, verdict: Verdict) -> bool:
    """Whether a decision made again is the one that was made, with all that was weighed."""
    told = verdict.candidates[: len(card.candidates) if card.truncated else None]
    return verdict.chosen == card.chosen and told == card.candidates
