"""The policy in force, made ready for the network in force once for both."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from orderwing.planning.policies.checking import unusable
from orderwing.planning.policies.compiling import Compiled, compiled
from orderwing.planning.policies.file import Parsed
from orderwing_schemas.network import Network
from orderwing_schemas.policy import Policy

_MOST = 8  # partitions hear of a change one after another, so that for a while some have the old pair


class Published(Protocol):
    """What reference data says."""

    @property
    def network(self) -> Network: ...

    @property
    def policy(self) -> Policy | None: ...


class InForce(NamedTuple):
    """`unusable`: why the policy that is published does not decide, but the network's rules do."""

    policy: Compiled | None
    unusable: str = ""


NONE = InForce(None)
# What follows from a pair, kept with the pair, so that neither's identity can come to mean another.
_ready: dict[tuple[int, int], tuple[Policy, Network, InForce]] = {}


def in_force(reference: Published) -> InForce:
    """The same for the same policy and network."""
    policy = reference.policy
    if policy is None:
        return NONE
    network = reference.network
    place = (id(policy), id(network))
    found = _ready.get(place)
    if found is None:
        while len(_ready) >= _MOST:
            del _ready[next(iter(_ready))]
        found = _ready[place] = (policy, network, _made(policy, network))
    return found[2]


def _made(policy: Policy, network: Network) -> InForce:
    if why := unusable(policy, network):
        return InForce(None, why)
    return InForce(compiled(Parsed(policy.policy, policy, {}), network))
