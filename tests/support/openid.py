"""An OpenID provider of the tests': its token endpoint, its keys, and tokens that it has signed (RS256)."""

from __future__ import annotations

import json
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from ssl import SSLContext
from threading import Thread
from urllib.parse import parse_qs

from orderwing.runtime.embedded.ports import HOST

_EXPONENT = 65_537
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")  # RFC 8017, 9.2: what follows is a SHA-256


@dataclass(frozen=True)
class SigningKey:
    """2,048 bits of RSA. Everybody who knows the seed knows the key: for tests only."""

    seed: int

    @cached_property
    def _primes(self) -> tuple[int, int]:
        random = Random(self.seed)
        first, second = (_prime(random) for _ in range(2))
        return first, second

    @property
    def _modulus(self) -> int:
        first, second = self._primes
        return first * second

    @cached_property
    def _secret(self) -> int:
        first, second = self._primes
        return pow(_EXPONENT, -1, (first - 1) * (second - 1))

    @property
    def public(self) -> dict[str, str]:
        """As a JSON Web Key."""
        n, e = _text(self._modulus.to_bytes(256, "big")), _text(_EXPONENT.to_bytes(3, "big"))
        return {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": f"key-{self.seed}", "n": n, "e": e}

    def token(self, claims: Mapping[str, object]) -> str:
        header = {"alg": "RS256", "typ": "JWT", "kid": self.public["kid"]}
        signed = f"{_part(header)}.{_part(claims)}"
        digest = _SHA256 + sha256(signed.encode()).digest()
        padded = b"\x00\x01" + b"\xff" * (256 - 3 - len(digest)) + b"\x00" + digest
        signature = pow(int.from_bytes(padded, "big"), self._secret, self._modulus)
        return f"{signed}.{_text(signature.to_bytes(256, 'big'))}"


def _prime(random: Random) -> int:
    """Of 1,024 bits, as far as Fermat can say."""
    while True:
        found = random.getrandbits(1024) | 3 << 1022 | 1
        if all(found % small for small in range(3, 1000, 2)) and pow(2, found - 1, found) == 1:
            return found


def _text(octets: bytes) -> str:
    return urlsafe_b64encode(octets).decode().rstrip("=")


def _part(value: Mapping[str, object]) -> str:
    return _text(json.dumps(value).encode())


@dataclass
class OpenIdProvider:
    """Gives tokens to whoever knows the secret. Its fields may be changed while it runs."""

    client: str
    secret: str
    audience: str = "kafka"
    life_s: int = 300
    key: SigningKey = field(default_factory=lambda: SigningKey(1))
    trusted: list[SigningKey] = field(default_factory=lambda: [SigningKey(1)])
    asked: list[str] = field(default_factory=list)  # scope of each token that was given
    url: str = ""
    issuer: str = ""

    def token(self) -> str:
        now_s = int(time.time())
        told = {"iss": self.issuer, "aud": self.audience, "sub": self.client, "iat": now_s, "exp": now_s + self.life_s}
        return self.key.token(told)

    @property
    def token_url(self) -> str:
        return f"{self.url}/token"

    @property
    def keys_url(self) -> str:
        return f"{self.url}/keys"

    @contextmanager
    def serving(self, tls: SSLContext | None = None) -> Iterator[None]:
        """`url` and `issuer` are known inside."""
        with ThreadingHTTPServer((HOST, 0), _handler(self)) as server:
            if tls is not None:
                server.socket = tls.wrap_socket(server.socket, server_side=True)
            self.url = self.issuer = f"{'http' if tls is None else 'https'}://{HOST}:{server.server_port}"
            Thread(target=server.serve_forever, args=(0.05,)).start()
            try:
                yield
            finally:
                server.shutdown()


def _handler(provider: OpenIdProvider) -> type[BaseHTTPRequestHandler]:
    expected = "Basic " + b64encode(f"{provider.client}:{provider.secret}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200, {"keys": [key.public for key in provider.trusted]})

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            if self.headers["Authorization"] != expected or form["grant_type"] != ["client_credentials"]:
                self._answer(401, {"error": "invalid_client"})
                return
            provider.asked.append(form.get("scope", [""])[0])
            told = {"access_token": provider.token(), "token_type": "Bearer", "expires_in": provider.life_s}
            self._answer(200, told)

        def _answer(self, status: int, told: object) -> None:
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
