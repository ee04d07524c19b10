"""What goes wrong at the server, in the shape that its clients know, with no key and no traceback in it."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from aiohttp import ClientError, ClientResponseError, web
from aiohttp.typedefs import Handler

from .access import logged_path
from .chat_completions import ServiceError
from .errors import AvaError
from .failures import as_ava_error, without_keys_in_words
from .providers.endpoint import Endpoint

__all__ = ["as_service_error", "tell_errors"]

_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
_STATUSES = {"auth": 401, "rate_limit": 429, "bad_request": 400, "timeout": 504}
_log = logging.getLogger(__name__)


@web.middleware
async def tell_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer with what the handler raises; of a fault of ours the client learns no more than that there is one."""
    try:
        return await handler(request)
    except ServiceError as failure:
        return _answer(failure)
    except web.HTTPException as error:  # aiohttp's own: no such path, wrong method, body too large
        allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        what = f"{request.method} {request.path}: {error.text or error.reason}"
        return _answer(ServiceError(error.status, what, _CODES.get(error.status, "http"), allow))
    except Exception:
        _log.exception("%s %s failed", request.method, logged_path(request))
        return _answer(ServiceError(500, "the server failed; its log says more", "internal_error"))


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
