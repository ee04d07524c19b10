"""Who may ask the server, and in what shape it says no.

- A web page of another site can neither ask nor listen: the ``Host`` header must name this machine (a name that an
  attacker lets point here does not), an ``Origin`` must be on the same host, and no answer carries a CORS header.
- Where a key is set, whoever has it may come by any name, and nobody else may come at all.
- What a provider raises has a status of its own and words that say what to do, and no key or traceback in them.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Mapping
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientResponseError, web
from aiohttp.typedefs import Handler, Middleware

from .access import logged_path
from .completions import ServiceError
from .connection import Key
from .errors import AvaError
from .failures import as_ava_error, without_keys_in_words
from .providers.presets import Endpoint
from .sessions import is_loopback

__all__ = ["as_service_error", "gate"]

_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
_STATUSES = {"auth": 401, "rate_limit": 429, "bad_request": 400, "timeout": 504}
_log = logging.getLogger(__name__)


def gate(key: Key | None = None) -> Middleware:
    """What every request passes: with ``key``, it must bring that; without, it must come to this machine by name."""

    @web.middleware
    async def passes(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if key is None:
                _admit_by_name(request)
            else:
                _admit_by_key(request, key)
            return await handler(request)
        except ServiceError as failure:
            return _answer(failure)
        except web.HTTPException as error:  # aiohttp's own: no such path, wrong method, body too large
            allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
            what = f"{request.method} {request.path}: {error.text or error.reason}"
            return _answer(ServiceError(error.status, what, _CODES.get(error.status, "http"), allow))
        except Exception:  # a fault of ours: the client gets an answer in the shape that it knows, the log the rest
            _log.exception("%s %s failed", request.method, logged_path(request))
            return _answer(ServiceError(500, "the server failed; its log says more", "internal_error"))

    return passes


def as_service_error(error: Exception, endpoint: Endpoint) -> ServiceError:
    """A provider's error for the client, who is told the type alone where the text could hold anything."""
    headers: Mapping[str, str] = (isinstance(error, ClientResponseError) and error.headers) or {}
    if isinstance(error, ClientError | TimeoutError):
        error = as_ava_error(error, endpoint.where, endpoint.key_name)
    elif not isinstance(error, AvaError):
        _log.error("the provider %s failed", endpoint.name, exc_info=without_keys_in_words(error, endpoint.key))
        what = f"the provider {endpoint.name} failed ({type(error).__name__}); the server's log says more"
        error = AvaError(what, "api")
    wait = {"Retry-After": headers["Retry-After"]} if "Retry-After" in headers else {}
    return ServiceError(_STATUSES.get(error.kind, 502), f"{error}{endpoint.hint}", error.kind, wait)


def _answer(failure: ServiceError) -> web.Response:
    return web.json_response(failure.body, status=failure.status, headers=failure.headers)


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
