"""What the views know of the cluster's domain: its clock and its network."""

from __future__ import annotations

from collections.abc import Mapping

from orderwing.kernel.ports import Record
from orderwing.runtime.clock import DomainClock, clock_of
from orderwing_schemas.codec import decode, header_map
from orderwing_schemas.events.reference import NetworkPublished
from orderwing_schemas.network import Policies
from orderwing_schemas.topics import CLOCK

_MINUTE_MS = 60_000


class Domain:
    """Fed with the records of `clock` and `reference`; `clock` is None until it is fixed."""

    def __init__(self) -> None:
        self.clock: DomainClock | None = None
        self.policies = Policies()
        self.capacities: Mapping[str, int] = {}  # units an hour, by site

    @property
    def factor(self) -> float:
        return self.clock.factor if self.clock is not None else 1.0

    @property
    def review_ms(self) -> int:
        return self.policies.review_minutes * _MINUTE_MS

    def apply(self, record: Record) -> None:
        """Raises UndecodableError."""
        if record.topic == CLOCK.name:
            self.clock = self.clock or clock_of([record])
            return
        event_type = header_map(record.headers).get("ce_type")
        if event_type != NetworkPublished.EVENT_TYPE:
            return  # the catalogue can be large, and nothing here asks for it
        event = decode(record.value, event_type)
        if isinstance(event, NetworkPublished):
            self.policies = event.network.policies
            self.capacities = {site.site_id: site.units_per_hour for site in event.network.sites}
