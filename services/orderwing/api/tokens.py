"""The token that those who ask must send."""

from __future__ import annotations

from hmac import compare_digest

from starlette.types import ASGIApp, Receive, Scope, Send

from orderwing.api.problems import response


class RequireToken:
    """Refuses requests under `prefix` without `Authorization: Bearer TOKEN`, before any of their body is read."""

    def __init__(self, app: ASGIApp, token: str, prefix: str) -> None:
        self._app, self._token, self._prefix = app, token.encode(), prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self._prefix) or self._is_sent(scope):
            await self._app(scope, receive, send)
            return
        detail = "Send the token: Authorization: Bearer TOKEN."
        refusal = response(401, "unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})
        await refusal(scope, receive, send)

    def _is_sent(self, scope: Scope) -> bool:
        sent = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(sent) != 1:
            return False
        scheme, _, token = sent[0].partition(b" ")
        return bool(scheme.lower() == b"bearer") and compare_digest(token.strip(), self._token)
