"""Who may ask the server.

- A web page of another site can neither ask nor listen: the ``Host`` header must name this machine (a name that an
  attacker lets point here does not), an ``Origin`` must be on the same host, and no answer carries a CORS header.
- Where a key is set, whoever has it may come by any name, and nobody else may come at all.
"""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from .chat_completions import ServiceError
from .connection import Key
from .sessions import is_loopback

__all__ = ["gate"]


def gate(key: Key | None) -> Middleware:
    """What every request passes: with ``key``, it must bring that; without, it must come to this machine by name."""

    @web.middleware
    async def passes(request: web.Request, handler: Handler) -> web.StreamResponse:
        if key is None:
            _admit_by_name(request)
        else:
            _admit_by_key(request, key)
        return await handler(request)

    return passes


def _admit_by_key(request: web.Request, key: Key) -> None:
    """Raise :class:`ServiceError` (401) for a request that does not bring the key."""
    scheme, _, brought = request.headers.get("Authorization", "").partition(" ")
    expected = key.reveal().encode()
    if scheme.lower() != "bearer" or not hmac.compare_digest(brought.strip().encode("utf-8", "replace"), expected):
        raise ServiceError(
            401,
            f"the key is missing or wrong; it is the server's {key.name}, sent as a bearer token",
            "invalid_api_key",
            {"WWW-Authenticate": "Bearer"},
        )


def _admit_by_name(request: web.Request) -> None:
    """Raise :class:`ServiceError` (403) for a request that another site's name or page led here."""
    name = _host_of(f"//{request.headers.get('Host', '')}")
    if not is_loopback(name):
        raise ServiceError(
            403, "the Host header does not name this server; use the URL that it printed", "forbidden_host"
        )
    origin = _host_of(request.headers["Origin"]) if "Origin" in request.headers else name
    if not is_loopback(origin):
        raise ServiceError(403, "a page of another site may not ask here", "forbidden_origin")


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
