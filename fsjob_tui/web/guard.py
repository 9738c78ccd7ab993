"""Who gets in: the one browser that opened the address that was printed; nobody else gets anything."""

from __future__ import annotations

import hmac
import secrets

from aiohttp import web
from aiohttp.typedefs import Handler
from yarl import URL

COOKIE = "fsjob"
HEADERS = {
    "Cache-Control": "no-store",
    # what the page may load, above all not the font that it asks of a host of others
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "fsjob",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""What every answer carries."""


class Guard:
    """Lets in whoever brings the token, once, and from then on whoever brings the cookie that was given for it.

    `public_url` is how browsers reach the server, such as http://127.0.0.1:8000: a request for any other Host (a name
    that an attacker points at this machine) or from a page of any other Origin is refused.
    """

    def __init__(self, public_url: str) -> None:
        url = URL(public_url)
        self.origin = str(url.origin())
        self._host = self.origin.partition("://")[2]
        self._secure = url.scheme == "https"
        self._token: str | None = secrets.token_urlsafe(32)
        self._session: str | None = None
        # Cookies do not know ports: a browser shows those of one server to every other of the same name, but only
        # under the path that they are meant for.
        self.path = f"/{secrets.token_urlsafe(16)}"

    @property
    def address(self) -> str:
        """What opens the console, once. It is a secret until then."""
        return f"{self.origin}/?token={self._token}"

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer 403 in one plain line, or let the request through."""
        if (why_not := self._foreign(request)) is not None:
            return refusal(why_not)
        if request.path != "/":
            return await handler(request) if self._is_known(request) else refusal("there is no session here")
        if not self._may_enter(request):
            return refusal("this address opens the console once, in one browser; `fsjob serve` prints a new one")
        self._token, self._session = None, secrets.token_urlsafe(32)
        response = await handler(request)
        response.set_cookie(
            COOKIE, self._session, path=self.path, httponly=True, samesite="Strict", secure=self._secure
        )
        return response

    def _foreign(self, request: web.Request) -> str | None:
        if [host.lower() for host in request.headers.getall("Host", [])] != [self._host]:
            return f"this console is at {self.origin} alone"
        origins = request.headers.getall("Origin", [])
        # every browser says the Origin where it opens a websocket; elsewhere it may leave it out
        if (origins or "Upgrade" in request.headers) and origins != [self.origin]:
            return "no other page may ask"
        return None

    def _may_enter(self, request: web.Request) -> bool:
        # what is fetched ahead of time might be thrown away, and the token would be gone
        asked = request.method == "GET" and "Sec-Purpose" not in request.headers
        return asked and _same(request.query.getall("token", []), self._token)

    def _is_known(self, request: web.Request) -> bool:
        return _same([request.cookies.get(COOKIE, "")], self._session)


def _same(given: list[str], secret: str | None) -> bool:
    """Whether what was given is the secret; how long this takes does not tell how much of it was right."""
    if secret is None or len(given) != 1:
        return False
    return hmac.compare_digest(given[0].encode("utf-8", "replace"), secret.encode())


def refusal(why: str) -> web.Response:
    """Nothing but one line."""
    return web.Response(status=403, text=f"fsjob: {why}\n")


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """For `on_response_prepare`: every answer, errors included."""
    response.headers.update(HEADERS)
