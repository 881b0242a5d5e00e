"""A consumer group of the simulated cluster: the classic protocol with the range assignor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orderwing.kernel.ports import Assigned, Position, TopicPartition


@dataclass(eq=False)
class Member:
    """`inbox` is the assignment of the current generation, until the member's next poll."""

    name: str
    topics: tuple[str, ...]
    assigned: Assigned
    revoked: Assigned
    seen_ms: int
    joined: bool = False
    generation: int = -1
    partitions: list[TopicPartition] = field(default_factory=list)
    inbox: list[TopicPartition] | None = None


class Group:
    """A rebalance ends, and the generation is raised, once each member has polled or was evicted."""

    def __init__(self, session_timeout_ms: int) -> None:
        self.members: dict[str, Member] = {}
        self.generation = 0
        self.offsets: dict[TopicPartition, Position] = {}
        self.withheld: set[TopicPartition] = set()  # a partial assignment, for tests
        self._session_timeout_ms = session_timeout_ms
        self._rebalancing = False

    def join(self, member: Member) -> None:
        self.members[member.name] = member
        self._rebalancing = True
        for other in self.members.values():
            other.joined = False

    def leave(self, name: str) -> None:
        if self.members.pop(name, None) is not None:
            self._rebalancing = True
            for other in self.members.values():
                other.joined = False

    def rebalance(self) -> None:
        """Ask all members to join again."""
        self._rebalancing = True
        for member in self.members.values():
            member.joined = False

    def evict_silent(self, wall_ms: int) -> None:
        for member in list(self.members.values()):
            if wall_ms - member.seen_ms > self._session_timeout_ms:
                self.leave(member.name)

    def knows(self, member: Member) -> bool:
        """Whether the member may still commit."""
        return self.members.get(member.name) is member and member.generation == self.generation

    def heartbeat(self, member: Member, wall_ms: int, partitions: Mapping[str, int]) -> None:
        """A member's poll: its callbacks are called where the group has moved on."""
        member.seen_ms = wall_ms
        if self.members.get(member.name) is not member:
            self._revoke(member)
            self.join(member)
        if self._rebalancing and not member.joined:
            self._revoke(member)
            member.joined = True
        if self._rebalancing and all(other.joined for other in self.members.values()):
            self._assign(partitions)
        if member.inbox is not None and member.joined:
            member.partitions, member.inbox = member.inbox, None
            member.assigned(member.partitions)

    def _revoke(self, member: Member) -> None:
        member.inbox = None
        if member.partitions:
            lost, member.partitions = member.partitions, []
            member.revoked(lost)

    def _assign(self, partitions: Mapping[str, int]) -> None:
        self._rebalancing = False
        self.generation += 1
        given = range_assignment({m.name: m.topics for m in self.members.values()}, partitions)
        for member in self.members.values():
            member.generation = self.generation
            member.inbox = [tp for tp in given[member.name] if tp not in self.withheld]


def range_assignment(
    topics: Mapping[str, Sequence[str]], partitions: Mapping[str, int]
) -> dict[str, list[TopicPartition]]:
    """Kafka's range assignor: each topic by itself, in the order of the members' names."""
    given: dict[str, list[TopicPartition]] = {name: [] for name in topics}
    for topic in sorted({topic for wanted in topics.values() for topic in wanted}):
        names = sorted(name for name, wanted in topics.items() if topic in wanted)
        each, more = divmod(partitions.get(topic, 0), len(names))
        first = 0
        for place, name in enumerate(names):
            count = each + (place < more)
            given[name] += [TopicPartition(topic, number) for number in range(first, first + count)]
            first += count
    return given
