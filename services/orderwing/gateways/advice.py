"""What an operator can do about a provider that cannot be asked."""

from __future__ import annotations

from urllib.parse import urlsplit

from orderwing.gateways.asking import NOT_TAKEN, REDIRECTED, REDIRECTS
from orderwing.gateways.calls import TLS
from orderwing.runtime.logs import get_logger

_AGAIN_S = 60.0
_NOT_TAKEN = "the provider takes none of our requests: check path and user of ORDERWING_PSP_URL"
_SENTENCES = {
    **{f"http_{status}": _NOT_TAKEN for status in NOT_TAKEN},
    REDIRECTED: "the provider redirects, and payments are not sent on: set ORDERWING_PSP_URL to its new address",
    TLS: "no TLS with the provider: check scheme, host and port of ORDERWING_PSP_URL, and that the system "
    "(SSL_CERT_FILE) trusts its certificate",
}

_log = get_logger("orderwing.payment_gateway")


class Advice:
    """A sentence for the log where there is one, and again each minute while it lasts, however many calls fail."""

    def __init__(self) -> None:
        self._told_s: dict[str, float] = {}

    def give(self, status: int, missed: str | None, detail: str, now_s: float) -> None:
        """All as a call is told."""
        if missed is None and status < 300:
            return
        missed = missed or (REDIRECTED if status in REDIRECTS else f"http_{status}")
        sentence = _SENTENCES.get(missed)
        if sentence is None or now_s - self._told_s.get(missed, -_AGAIN_S) < _AGAIN_S:
            return
        self._told_s[missed] = now_s
        _log.error(sentence, detail=_origin(detail) if missed == REDIRECTED else detail or missed)


def _origin(url: str) -> str:
    """Without user, path and query, which may be about somebody."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""
