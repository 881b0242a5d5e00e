"""The payment provider's own book: append-only, and the only memory it has."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from msgspec.json import decode, encode

Entry = dict[str, Any]
_AUTHORISATION = "auth-"  # begins the references of authorisations, and no idempotency key


@dataclass
class Held:
    """Money of one authorisation, in minor units."""

    amount_minor: int
    captured_minor: int = 0
    voided_minor: int = 0

    @property
    def rest_minor(self) -> int:
        return max(0, self.amount_minor - self.captured_minor - self.voided_minor)


@dataclass
class Book:
    """Answers by idempotency key, and what stands on each authorisation.

    An entry is on its way to the disk (written, not buffered) before it is answered, so a killed process forgets
    nothing it has said. Wrong requests are obeyed and flagged: the book is a witness, not a guard.
    Without a `path` it is kept in memory alone.
    """

    path: Path | None = None
    entries: list[Entry] = field(default_factory=list)
    _by_key: dict[str, Entry] = field(default_factory=dict)
    _held: dict[str, Held] = field(default_factory=dict)
    _reference_of: dict[str, str] = field(default_factory=dict)
    _voided_keys: set[str] = field(default_factory=set)
    _file: int | None = None

    def __enter__(self) -> Self:
        if self.path is None:
            return self
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        written = self.path.read_bytes()
        whole = written.rfind(b"\n") + 1
        os.ftruncate(self._file, whole)  # a line that a kill cut short was never answered
        for line in written[:whole].splitlines():
            self._apply(decode(line))
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            os.close(self._file)

    def find(self, key: str) -> Entry | None:
        return self._by_key.get(key)

    def authorise(self, key: str, order_id: str, amount_minor: int, currency: str, declined: str | None) -> Entry:
        if key in self._voided_keys:
            declined = "voided_before"
        return self._append(
            purpose="authorise",
            idempotency_key=key,
            order_id=order_id,
            amount_minor=amount_minor,
            currency=currency,
            outcome="declined" if declined else "approved",
            reference=None if declined else f"{_AUTHORISATION}{len(self.entries) + 1}",
            reason=declined,
        )

    def capture(self, key: str, order_id: str, amount_minor: int, currency: str, authorisation: str) -> Entry:
        held = self._held.get(authorisation)
        flags = []
        if held is None:
            flags.append("unknown_authorisation")
        elif held.voided_minor:
            flags.append("captured_after_void")
        elif amount_minor > held.rest_minor:
            flags.append("over_capture")
        return self._append(
            purpose="capture",
            idempotency_key=key,
            order_id=order_id,
            amount_minor=amount_minor,
            currency=currency,
            outcome="approved",
            reference=f"cap-{len(self.entries) + 1}",
            authorisation=authorisation,
            flags=flags,
        )

    def void(self, key: str, order_id: str, currency: str, authorisation: str) -> Entry:
        """Gives back the rest of an authorisation, named by its reference or by the key that asked for it.

        An authorisation that has not been made is declined from now on.
        """
        reference = self._reference_of.get(authorisation, authorisation)
        held = self._held.get(reference)
        invented = held is None and reference.startswith(_AUTHORISATION)
        return self._append(
            purpose="void",
            idempotency_key=key,
            order_id=order_id,
            amount_minor=held.rest_minor if held else 0,
            currency=currency,
            outcome="approved",
            reference=f"void-{len(self.entries) + 1}",
            authorisation=reference,
            flags=["unknown_authorisation"] if invented else [],
        )

    def flag(self, entry: Entry, flag: str) -> None:
        """A remark on an earlier entry, as an entry of its own without money."""
        self._append(
            purpose="remark",
            idempotency_key=entry["idempotency_key"],
            order_id=entry["order_id"],
            amount_minor=0,
            currency=entry["currency"],
            outcome="none",
            flags=[flag],
        )

    def _append(self, **told: Any) -> Entry:
        entry: Entry = {
            "sequence": len(self.entries) + 1,
            "at_wall_ms": time.time_ns() // 1_000_000,
            "reference": None,
            "reason": None,
            "authorisation": None,
            "flags": [],
            **told,
        }
        if self._file is not None:
            line = encode(entry) + b"\n"
            while line:
                line = line[os.write(self._file, line) :]
        self._apply(entry)
        return entry

    def _apply(self, entry: Entry) -> None:
        self.entries.append(entry)
        if entry["purpose"] == "remark":
            return
        key, amount_minor = entry["idempotency_key"], entry["amount_minor"]
        self._by_key[key] = entry
        if entry["purpose"] == "authorise" and entry["outcome"] == "approved":
            self._held[entry["reference"]] = Held(amount_minor)
            self._reference_of[key] = entry["reference"]
        elif entry["purpose"] == "void" and entry["authorisation"] not in self._held:
            self._voided_keys.add(entry["authorisation"])
        elif (held := self._held.get(entry["authorisation"])) is not None:
            if entry["purpose"] == "capture":
                held.captured_minor += amount_minor
            else:
                held.voided_minor += amount_minor
