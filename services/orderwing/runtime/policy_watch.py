"""Tells when the policy in force does not go with the network, and when it does again."""

from __future__ import annotations

from collections.abc import Iterable

from orderwing.kernel.stage import PolicyCheck
from orderwing.runtime.observer import Observer
from orderwing.runtime.reference import ReferenceTable
from orderwing_schemas.network import Network
from orderwing_schemas.policy import Policy


class PolicyWatch:
    """By `check`, which is None for a stage that decides by no policy."""

    def __init__(self, observer: Observer, check: PolicyCheck | None) -> None:
        self._observer = observer
        self._check = check
        self._told = ""
        self._checked: tuple[Policy, Network, str] | None = None

    def look(self, references: Iterable[ReferenceTable]) -> None:
        """At what all partitions have, whenever that may have changed."""
        check = self._check
        if check is None:
            return
        told = next((why for reference in references if (why := self._why(reference, check))), "")
        if told != self._told:
            self._told = told
            self._observer.policy(told)

    def _why(self, reference: ReferenceTable, check: PolicyCheck) -> str:
        policy = reference.policy
        if policy is None or not reference.ready:
            return ""
        network = reference.network
        if self._checked is None or self._checked[0] is not policy or self._checked[1] is not network:
            self._checked = (policy, network, check(policy, network))
        return self._checked[2]
