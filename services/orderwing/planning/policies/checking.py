"""What in a policy does not go with a network, or with itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from orderwing.planning.policies.file import Fault, Path, PolicyError
from orderwing.planning.policies.matching import takes_all_of
from orderwing_schemas.network import Network, Site
from orderwing_schemas.policy import Fallback, Filters, Policy, Relax, Strategy

NETWORK_RULES = "network-rules"  # the strategy of an order that no other one is for


def faults(policy: Policy, network: Network) -> list[Fault]:
    """Nothing if the policy can be used."""
    return list(_faults(policy, network))


def unusable(policy: Policy, network: Network) -> str:
    """Why a policy does not go with a network, a sentence without its full stop; "" if it does."""
    wrong = faults(policy, network)
    if not wrong:
        return ""
    told = str(PolicyError(f"{policy.policy} v{policy.version}", wrong, {}))
    return f"{told.removesuffix('.')} (on version {network.version} of the network)"


def _faults(policy: Policy, network: Network) -> Iterator[Fault]:
    if policy.currency != network.currency:
        yield Fault(("currency",), f"is {policy.currency}, and the network's is {network.currency}")
    by_name: dict[str, int] = {}
    for place, strategy in enumerate(policy.strategies):
        path: Path = ("strategies", place)
        if strategy.name == NETWORK_RULES:
            yield Fault((*path, "name"), f"{NETWORK_RULES} is the name of the network's own rules: choose another")
        elif strategy.name in by_name:
            yield Fault((*path, "name"), f"{strategy.name} is the name of strategies.{by_name[strategy.name]} already")
        by_name.setdefault(strategy.name, place)
        for before, earlier in enumerate(policy.strategies[:place]):
            if takes_all_of(earlier.when, strategy.when) and not _is_fallback(policy, strategy.name):
                said = f"no order gets here: strategies.{before} ({earlier.name}) takes all of them before"
                yield Fault((*path, "when"), said)
                break
        yield from _ids(strategy, network, path)
        yield from _sites_left(strategy, network, path)
    for place, strategy in enumerate(policy.strategies):
        yield from _fallbacks(strategy, by_name, policy, ("strategies", place, "fallbacks"))


def _is_fallback(policy: Policy, name: str) -> bool:
    return any(fallback.strategy == name for one in policy.strategies for fallback in one.fallbacks)


def _ids(strategy: Strategy, network: Network, path: Path) -> Iterator[Fault]:
    known: Mapping[str, Iterable[str]] = {
        "zone": network.services_by_zone,
        "region": network.region_by_id,
        "site": network.site_by_id,
        "carrier": {lane.carrier for lane in network.lanes},
    }
    when, filters = strategy.when, strategy.filters
    named: tuple[tuple[str, tuple[str, ...], Iterable[str] | None], ...] = (
        ("zone", ("when", "zones"), when.zones),
        ("region", ("when", "home_regions"), when.home_regions),
        ("site", ("filters", "only_sites"), filters.only_sites),
        ("site", ("filters", "exclude_sites"), filters.exclude_sites),
        ("region", ("filters", "only_regions"), filters.only_regions),
        ("region", ("filters", "exclude_regions"), filters.exclude_regions),
        ("carrier", ("filters", "exclude_carriers"), filters.exclude_carriers),
        ("site", ("weights", "site_unit_minor"), strategy.weights.site_unit_minor),
        ("", ("when", "service_levels"), when.service_levels),
        ("", ("when", "traits"), when.traits),
        ("", ("filters", "capabilities"), filters.capabilities),
    )
    for what, field, ids in named:
        seen: set[str] = set()
        for place, one in enumerate(ids or ()):
            at: Path = (*path, *field, one if isinstance(ids, dict) else place)
            if what and one not in known[what]:
                yield Fault(at, f"the network has no {what} {one}")
            if one in seen:
                yield Fault(at, f"{one} is named twice")
            seen.add(one)


def allows(filters: Filters, site: Site, home_region: str | None) -> str:
    """Why a site is out whatever the order, but for its home region; "" if it is in."""
    if filters.only_sites is not None and site.site_id not in filters.only_sites:
        return "is not among only_sites"
    if filters.exclude_sites is not None and site.site_id in filters.exclude_sites:
        return "is among exclude_sites"
    if filters.only_regions is not None and site.region_id not in filters.only_regions:
        return f"is in {site.region_id}, which is not among only_regions"
    if filters.exclude_regions is not None and site.region_id in filters.exclude_regions:
        return f"is in {site.region_id}, which is among exclude_regions"
    if filters.home_region_only and home_region is not None and site.region_id != home_region:
        return f"is not in the home region {home_region}"
    if filters.capabilities is not None and site.capabilities is not None:
        missing = sorted(set(filters.capabilities) - set(site.capabilities))
        if missing:
            return f"may not ship {', '.join(missing)}"
    return ""


def _sites_left(strategy: Strategy, network: Network, path: Path) -> Iterator[Fault]:
    homes: Iterable[str | None] = [None]
    if strategy.filters.home_region_only:
        homes = strategy.when.home_regions or network.region_by_id
    for home in homes:
        if all(allows(strategy.filters, site, home) for site in network.sites):
            yield Fault((*path, "filters"), f"no site is left{f' for home region {home}' if home else ''}")
            return
    carriers = {lane.carrier for lane in network.lanes}
    if carriers.issubset(strategy.filters.exclude_carriers or ()):
        yield Fault((*path, "filters", "exclude_carriers"), "no carrier is left")


def _fallbacks(strategy: Strategy, by_name: Mapping[str, int], policy: Policy, path: Path) -> Iterator[Fault]:
    lifted: set[Relax] = set()
    for place, fallback in enumerate(strategy.fallbacks):
        at = (*path, place)
        if place and _ends(strategy.fallbacks[place - 1]):
            yield Fault(at, "is never tried: the fallback before it ends the search")
        for number, relax in enumerate(fallback.relax or ()):
            if not is_set(strategy, relax):
                yield Fault((*at, "relax", number), f"{strategy.name} has no {relax} to relax")
            elif relax in lifted:
                yield Fault((*at, "relax", number), f"{relax} is relaxed already")
            lifted.add(relax)
        if fallback.strategy is not None:
            yield from _leads(strategy, fallback, by_name, policy, (*at, "strategy"))


def _leads(
    strategy: Strategy, fallback: Fallback, by_name: Mapping[str, int], policy: Policy, path: Path
) -> Iterator[Fault]:
    walked, name = [strategy.name], fallback.strategy
    while name is not None and name != NETWORK_RULES:
        if name not in by_name:
            if len(walked) == 1:
                yield Fault(path, f"there is no strategy {name}")
            return
        walked.append(name)
        if name in walked[:-1]:
            if name == strategy.name:
                yield Fault(path, f"leads back to itself: {' → '.join(walked)}")
            return
        after = policy.strategies[by_name[name]].fallbacks
        name = next((one.strategy for one in after if one.strategy is not None), None)


def _ends(fallback: Fallback) -> bool:
    any_units = fallback.backorder is not None and fallback.backorder.at_most_units is None
    return any_units or fallback.strategy is not None


def is_set(strategy: Strategy, relax: Relax) -> bool:
    if relax is Relax.MAX_SITES:
        return strategy.max_sites is not None
    return getattr(strategy.filters, relax.value) not in (None, False)
