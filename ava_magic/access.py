"""A line in the log for each request that the server answers."""

from __future__ import annotations

import logging
import time

from aiohttp import web
from aiohttp.typedefs import Handler

from .connection import without_keys

__all__ = ["log_access", "logged_path"]

_log = logging.getLogger(__name__)


@web.middleware
async def log_access(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tell who asked for what, and how it ended.  Neither header nor query is told: either may hold a key."""
    started, how = time.monotonic(), "hung up"
    try:
        response = await handler(request)
        how = str(response.status)
    finally:
        if _log.isEnabledFor(logging.INFO):
            who, what = request.remote, f"{request.method} {logged_path(request)}"
            _log.info("%s %s: %s after %.2f s", who, what, how, time.monotonic() - started)
    return response


def logged_path(request: web.Request) -> str:
    """The path of ``request`` for a line of the log: less any key, and not decoded, so that it stays one line."""
    return without_keys(request.rel_url.raw_path, None)
