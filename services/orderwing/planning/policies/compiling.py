"""A policy on a network: which strategy an order gets, what rules it brings, and what is tried next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from orderwing.planning.policies.checking import NETWORK_RULES, faults
from orderwing.planning.policies.file import Parsed, PolicyError
from orderwing.planning.policies.matching import Facts, because, mismatch
from orderwing.planning.sourcing.quick import Asked
from orderwing_schemas.domain import ServiceLevel
from orderwing_schemas.network import Consolidation, Network
from orderwing_schemas.policy import FAST, Filters, Gathering, Policy, Relax, Strategy

NO_FILTERS = Filters()
NOTHING_LIFTED: frozenset[Relax] = frozenset()


class Ready(NamedTuple):
    """A strategy, and the network with its rules."""

    strategy: Strategy
    network: Network


@dataclass(frozen=True)
class Compiled:
    """`ready` by name, in the file's order; the last one is the network's own rules."""

    policy: Policy
    network: Network
    ready: Mapping[str, Ready]

    @property
    def label(self) -> str:
        return f"{self.policy.policy} v{self.policy.version}"

    def on(self, network: Network) -> Compiled:
        """The same on a part of its network, or one with other prices, which is not checked again."""
        ready = {name: Ready(one.strategy, _ruled(network, one.strategy)) for name, one in self.ready.items()}
        return Compiled(self.policy, network, ready)


@dataclass(frozen=True, slots=True)
class Applied:
    """What a strategy asks of one order. `passed`: the strategies before it, with the condition that did not hold.

    `filters` and `max_sites` are without what is `lifted`.
    """

    strategy: Strategy
    network: Network
    because: str
    passed: tuple[tuple[str, str], ...] = ()
    filters: Filters = NO_FILTERS
    max_sites: int | None = None
    lifted: frozenset[Relax] = NOTHING_LIFTED

    def asked(self, asked: Asked) -> Asked:
        """With the strategy's rules, and the delay that it accepts."""
        delay = self.strategy.max_delay_minutes.get(asked.service_level, asked.max_delay_minutes)
        return replace(asked, network=self.network, max_delay_minutes=min(delay, asked.max_delay_minutes))


def compiled(parsed: Parsed, network: Network) -> Compiled:
    """Raises PolicyError where the policy does not go with the network."""
    found = faults(parsed.policy, network)
    if found:
        raise PolicyError(parsed.name, found, parsed.lines)
    strategies = (*parsed.policy.strategies, Strategy(name=NETWORK_RULES))
    return Compiled(parsed.policy, network, {one.name: Ready(one, _ruled(network, one)) for one in strategies})


def network_rules(network: Network) -> Compiled:
    """The policy that says nothing."""
    policy = Policy(policy=NETWORK_RULES, version=1, currency=network.currency)
    return compiled(Parsed(NETWORK_RULES, policy, {}), network)


def apply(policy: Compiled, facts: Facts) -> Applied:
    """The first strategy whose conditions hold."""
    passed: list[tuple[str, str]] = []
    for ready in policy.ready.values():
        missed = mismatch(ready.strategy.when, facts)
        if not missed:
            return _applied(ready, because(ready.strategy.when, facts), tuple(passed))
        passed.append((ready.strategy.name, missed))
    raise AssertionError("the network's rules take every order")


class Step(NamedTuple):
    """What is tried, and how many units short are acceptable then."""

    applied: Applied
    said: str
    accepts_short: int = 0


def steps(policy: Compiled, first: Applied) -> Iterator[Step]:
    """The strategy as it is, then each of its fallbacks in turn; 0 units short always end it."""
    applied, said = first, first.strategy.name
    while True:
        following: Applied | None = None
        for fallback in applied.strategy.fallbacks:
            if fallback.backorder is not None:
                most = fallback.backorder.at_most_units
                yield Step(applied, said, 1 << 62 if most is None else most)
            elif fallback.relax is not None:
                yield Step(applied, said)
                applied = _lifted(applied, frozenset(fallback.relax))
                said = f"{applied.strategy.name} without {', '.join(sorted(applied.lifted))}"
            elif fallback.strategy is not None:
                following = _applied(policy.ready[fallback.strategy], f"fallback of {applied.strategy.name}")
        yield Step(applied, said)
        if following is None:
            return
        applied, said = following, following.strategy.name


def _applied(ready: Ready, why: str, passed: tuple[tuple[str, str], ...] = ()) -> Applied:
    strategy = ready.strategy
    return Applied(strategy, ready.network, why, passed, strategy.filters, strategy.max_sites)


def _lifted(applied: Applied, relax: frozenset[Relax]) -> Applied:
    lifted = applied.lifted | relax
    given = {name.value: getattr(NO_FILTERS, name.value) for name in lifted if name is not Relax.MAX_SITES}
    max_sites = None if Relax.MAX_SITES in lifted else applied.max_sites
    filters = applied.strategy.filters.model_copy(update=given)
    return replace(applied, filters=filters, max_sites=max_sites, lifted=lifted)


def _ruled(network: Network, strategy: Strategy) -> Network:
    """The network itself where the strategy changes none of its rules."""
    changes: dict[str, object] = {}
    if strategy.single_site is not None:
        changes["single_site"] = strategy.single_site
    if strategy.backorder_unit_minor is not None:
        changes["backorder_unit_minor"] = strategy.backorder_unit_minor
    if strategy.gather is not None:
        changes["consolidation"] = gathering_of(network, strategy)
    if not changes:
        return network
    return network.model_copy(update={"policies": network.policies.model_copy(update=changes)})


def gathering_of(network: Network, strategy: Strategy) -> tuple[Consolidation, ...]:
    """What gathering has to save, and may delay."""
    if strategy.gather == "never":
        return ()
    return tuple(_gathering(strategy.gather)) if strategy.gather is not None else network.policies.consolidation


def _gathering(gather: Gathering) -> Iterator[Consolidation]:
    for service in ServiceLevel:
        if service not in FAST:
            yield Consolidation(
                service=service, threshold_minor=gather.threshold_minor, max_delay_minutes=gather.max_delay_minutes
            )
