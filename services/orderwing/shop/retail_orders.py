"""What each invoice of Online Retail becomes: exactly one of an order, a cancellation, or a rejection with its reason.

What the file does not know is made up by hash, always the same for the same customer: the door (a British town drawn by
population; the capital of other countries), the service level and the backorder policy. Non-goods rows (postage, fees,
manual entries) inside a goods invoice travel as `charges`, a field that gate ignores: they are no SKUs.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate
from typing import Any, Literal
from zoneinfo import ZoneInfo

from orderwing.geography import DOMESTIC, Place, domestic_place, locate
from orderwing.shop.retail_file import Invoice, RetailRow

NOT_GOODS = frozenset({"POST", "DOT", "M", "C2", "D", "S", "B", "BANK CHARGES", "AMAZONFEE", "CRUK"})
UNKNOWN_COUNTRY = "ZZ"  # in no table of countries: intake answers it with `bad_address`
_ISO = {
    "United Kingdom": "GB", "EIRE": "IE", "Germany": "DE", "France": "FR", "Spain": "ES", "Netherlands": "NL",
    "Belgium": "BE", "Switzerland": "CH", "Portugal": "PT", "Australia": "AU", "Norway": "NO", "Italy": "IT",
    "Channel Islands": "JE", "Finland": "FI", "Cyprus": "CY", "Sweden": "SE", "Austria": "AT", "Denmark": "DK",
    "Japan": "JP", "Poland": "PL", "Israel": "IL", "USA": "US", "Hong Kong": "HK", "Singapore": "SG", "Iceland": "IS",
    "Canada": "CA", "Greece": "GR", "Malta": "MT", "United Arab Emirates": "AE", "RSA": "ZA", "Lebanon": "LB",
    "Lithuania": "LT", "Brazil": "BR", "Czech Republic": "CZ", "Bahrain": "BH", "Saudi Arabia": "SA", "Korea": "KR",
    "Thailand": "TH", "Nigeria": "NG", "Bermuda": "BM", "West Indies": UNKNOWN_COUNTRY,
}  # fmt: skip
_LONDON = ZoneInfo("Europe/London")
_SERVICES = (("STANDARD", 0.6), ("EXPRESS", 0.25), ("SAME_DAY", 0.15))
_BACKORDERS = (("lines", 0.7), ("none", 0.25), ("whole", 0.05))
_STREETS = ("High Street", "Station Road", "Church Lane", "Mill Road", "Park Avenue", "Victoria Road")


@dataclass(frozen=True)
class ImportedOrder:
    """`place` is None where the country is not known; `units` by SKU."""

    source: Invoice
    place: Place | None
    units: dict[str, int]
    outcome: Literal["order"] = "order"

    @property
    def invoice(self) -> str:
        return self.source.number

    @property
    def value(self) -> bytes:
        """An `order.placed.v1` as JSON, with every row of goods as the file has it."""
        return json.dumps(_document(self.source, self.place)).encode()

    def report(self) -> dict[str, Any]:
        return {"invoice": self.invoice, "outcome": self.outcome, "skus": len(self.units)}


@dataclass(frozen=True)
class CancelledLine:
    """`purchase` is the customer's latest order of the SKU before, or None."""

    sku: str
    quantity: int
    purchase: str | None


@dataclass(frozen=True)
class ImportedCancellation:
    """Recorded only. Matched if at least one of its lines is."""

    invoice: str
    lines: tuple[CancelledLine, ...]
    outcome: Literal["cancellation"] = "cancellation"

    @property
    def matched(self) -> bool:
        return any(line.purchase for line in self.lines)

    def report(self) -> dict[str, Any]:
        lines = [vars(line) for line in self.lines]
        return {"invoice": self.invoice, "outcome": self.outcome, "matched": self.matched, "lines": lines}


@dataclass(frozen=True)
class ImportRejection:
    """No order can be made of the invoice."""

    invoice: str
    reason: Literal["no_invoice_number", "unreadable", "no_goods", "nothing_sold"]
    outcome: Literal["rejection"] = "rejection"

    def report(self) -> dict[str, Any]:
        return {"invoice": self.invoice, "outcome": self.outcome, "reason": self.reason}


Imported = ImportedOrder | ImportedCancellation | ImportRejection


@dataclass
class Importer:
    """Remembers who bought what last, for cancellations: feed it the invoices in order."""

    _latest: dict[tuple[str, str], str] = field(default_factory=dict)

    def imported(self, invoice: Invoice) -> Imported:
        if not invoice.number:
            return ImportRejection(invoice.number, "no_invoice_number")
        if invoice.placed_at is None or any(row.quantity is None or row.price is None for row in invoice.rows):
            return ImportRejection(invoice.number, "unreadable")
        if invoice.number.upper().startswith("C"):
            return self._cancellation(invoice)
        goods = [row for row in invoice.rows if is_goods(row.code)]
        if not goods:
            return ImportRejection(invoice.number, "no_goods")
        if all((row.quantity or 0) <= 0 for row in goods):
            return ImportRejection(invoice.number, "nothing_sold")  # a write-off or a count, booked as an invoice
        order = _order(invoice, goods)
        if invoice.customer:
            self._latest.update({(invoice.customer, sku): invoice.number for sku in order.units})
        return order

    def _cancellation(self, invoice: Invoice) -> ImportedCancellation:
        goods = [(sku_of(row.code), -(row.quantity or 0)) for row in invoice.rows if is_goods(row.code)]
        lines = (CancelledLine(sku, n, self._latest.get((invoice.customer, sku))) for sku, n in goods)
        return ImportedCancellation(invoice.number, tuple(lines))


@lru_cache(maxsize=16_384)
def is_goods(code: str) -> bool:
    return bool(code) and code.upper() not in NOT_GOODS


@lru_cache(maxsize=16_384)
def sku_of(code: str) -> str:
    """The file writes some codes in both cases; characters that no id may hold become dashes."""
    sku = re.sub(r"[^A-Z0-9._-]", "-", code.upper())[:64]
    return sku if sku[:1].isalnum() else f"X{sku}"[:64]


def pence(pounds: float) -> int:
    return round(pounds * 100)


def place_of(invoice: Invoice) -> Place | None:
    """Where the customer lives, or the guest of this invoice."""
    iso = _ISO.get(invoice.country, UNKNOWN_COUNTRY)
    return domestic_place(invoice.customer or invoice.number) if iso == DOMESTIC else locate("capital", iso)


def _order(invoice: Invoice, goods: list[RetailRow]) -> ImportedOrder:
    place = place_of(invoice)
    units: dict[str, int] = {}
    for row in goods:
        units[sku_of(row.code)] = units.get(sku_of(row.code), 0) + max(0, row.quantity or 0)
    return ImportedOrder(invoice, place, units)


def _document(invoice: Invoice, place: Place | None) -> dict[str, Any]:
    abroad = place is not None and place.country != DOMESTIC
    service = _drawn(f"service/{invoice.number}", _SERVICES[:2] if abroad else _SERVICES)
    who = invoice.customer or f"guest {invoice.number}"
    goods = [row for row in invoice.rows if is_goods(row.code)]
    return {
        "type": "order.placed.v1",
        "order_id": invoice.number,
        "customer_id": invoice.customer or None,
        "lines": [_line(number, row) for number, row in enumerate(goods, 1)],
        "currency": "GBP",
        "payment_token": f"tok_ok_{invoice.number}",
        "service_level": service,
        "backorder": _drawn(f"backorder/{invoice.number}", _BACKORDERS),
        "placed_at": invoice.placed_at.replace(tzinfo=_LONDON).isoformat() if invoice.placed_at else None,
        "personal": {
            "name": f"Customer {who}",
            "address": f"{1 + int(_share(who) * 200)} {_drawn(who, tuple((name, 1.0) for name in _STREETS))}",
            "city": place.name if place else invoice.country or "unknown",
            "country": place.country if place else UNKNOWN_COUNTRY,
        },
        "charges": [_charge(row) for row in invoice.rows if not is_goods(row.code)],
    }


def _line(number: int, row: RetailRow) -> dict[str, Any]:
    return {
        "line_id": str(number),
        "sku": sku_of(row.code),
        "quantity": row.quantity,
        "unit_price_minor": pence(row.price or 0),
    }


def _charge(row: RetailRow) -> dict[str, Any]:
    amount = pence((row.quantity or 0) * (row.price or 0))
    return {"code": row.code, "description": row.description, "amount_minor": amount}


def _share(text: str) -> float:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) / 2**64


def _drawn(text: str, weights: tuple[tuple[str, float], ...]) -> str:
    ends = list(accumulate(weight for _, weight in weights))
    return weights[bisect_right(ends, _share(text) * ends[-1])][0]
