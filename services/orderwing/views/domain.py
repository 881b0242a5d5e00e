"""What the views know of the cluster's domain: its clock and its network."""

from __future__ import annotations

from orderwing.kernel.ports import Record
from orderwing.runtime.clock import DomainClock, clock_of
from orderwing.runtime.skipping import event_in
from orderwing_schemas.codec import header_map
from orderwing_schemas.events.reference import NetworkPublished
from orderwing_schemas.network import Network, Policies
from orderwing_schemas.topics import CLOCK

_MINUTE_MS = 60_000


class Domain:
    """Fed with the records of `clock` and `reference`; None until they are published."""

    def __init__(self) -> None:
        self.clock: DomainClock | None = None
        self.network: Network | None = None

    @property
    def factor(self) -> float:
        return self.clock.factor if self.clock is not None else 1.0

    @property
    def review_ms(self) -> int:
        policies = self.network.policies if self.network is not None else Policies()
        return policies.review_minutes * _MINUTE_MS

    def apply(self, record: Record) -> None:
        """Of what cannot be read, what is known stays."""
        if record.topic == CLOCK.name:
            self.clock = self.clock or clock_of([record])
            return
        if header_map(record.headers).get("ce_type") != NetworkPublished.EVENT_TYPE:
            return  # the catalogue can be large, and nothing here asks for it
        event = event_in(record)
        if isinstance(event, NetworkPublished):
            self.network = event.network
