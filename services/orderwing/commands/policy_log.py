"""Publishes the sourcing policy to every partition, once it goes with the network there; and takes it back."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from orderwing.kernel.ports import Record
from orderwing.planning.policies.checking import faults, unusable
from orderwing.planning.policies.file import Parsed, PolicyError, parse
from orderwing.runtime.kafka_client import Cluster
from orderwing.runtime.operator_log import OperatorLog, outgoing
from orderwing.runtime.publish import PublishError, published
from orderwing.runtime.skipping import event_in
from orderwing_schemas.codec import header_map
from orderwing_schemas.events.reference import PolicyPublished
from orderwing_schemas.network import Network
from orderwing_schemas.policy import Policy
from orderwing_schemas.topics import REFERENCE

_WRITER = "reference"


class PolicyState(NamedTuple):
    """What the topic `reference` holds. `last` may be taken back, then `last.in_force` is False."""

    network: Network | None
    last: PolicyPublished | None

    @property
    def unusable(self) -> str:
        """Why the policy in force is not used; "" if it is, or if there is none."""
        if self.network is None or self.last is None or not self.last.in_force:
            return ""
        return unusable(self.last.policy, self.network)


def read_policy_file(path: Path) -> Parsed:
    """Raises PublishError naming the fields that are wrong, with their lines."""
    try:
        return parse(str(path), path.read_text("utf-8"))
    except OSError as error:
        raise PublishError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise PublishError(f"{path} cannot be read: it is not UTF-8.") from None
    except PolicyError as error:
        raise PublishError(str(error)) from None


def read_policy(bootstrap: Cluster) -> PolicyState:
    """Raises OperatorError."""
    with OperatorLog(bootstrap, "reader") as log:
        return _state(log.read(REFERENCE.name, 0))


def publish_policy(bootstrap: Cluster, parsed: Parsed) -> bool:
    """Put the policy in force in every partition, in one transaction; False if it is already.

    Raises PublishError where it does not go with the network or its version is not above the last, OperatorError from
    the cluster.
    """
    policy = parsed.policy
    with OperatorLog(bootstrap, _WRITER) as log:
        state = _state(log.read(REFERENCE.name, 0))
        if state.network is None:
            raise PublishError("No network is published, which the policy must go with: run `orderwing network load`.")
        if wrong := faults(policy, state.network):
            raise PublishError(str(PolicyError(parsed.name, wrong, parsed.lines)))
        last = state.last
        if last is not None and last.policy == policy:
            if last.in_force:
                return False
        elif last is not None and policy.version <= last.policy.version:
            raise PublishError(
                f"Version {last.policy.version} is published, of the policy {last.policy.policy}: "
                "give this one a version above it."
            )
        _write(log, PolicyPublished(policy=policy))
    return True


def withdraw_policy(bootstrap: Cluster) -> Policy | None:
    """Take back the policy in force, so that the network's rules decide; None if there was none.

    Raises OperatorError.
    """
    with OperatorLog(bootstrap, _WRITER) as log:
        last = _state(log.read(REFERENCE.name, 0)).last
        if last is None or not last.in_force:
            return None
        _write(log, PolicyPublished(policy=last.policy, in_force=False))
        return last.policy


def policies_of(records: Iterable[Record]) -> list[PolicyPublished]:
    """Every policy that the log still has, the latest last."""
    found = []
    for record in records:
        event_type = header_map(record.headers).get("ce_type")
        if record.value is not None and event_type == PolicyPublished.EVENT_TYPE:
            event = event_in(record)
            if isinstance(event, PolicyPublished):
                found.append(event)
    return found


def _state(records: Iterable[Record]) -> PolicyState:
    kept = list(records)
    policies = policies_of(kept)
    return PolicyState(published(kept).network, policies[-1] if policies else None)


def _write(log: OperatorLog, event: PolicyPublished) -> None:
    partitions = range(log.partitions(REFERENCE.name))
    log.write([outgoing(REFERENCE.name, partition, event.key, event) for partition in partitions])
