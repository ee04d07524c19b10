"""A line in the log for each request that the server answers."""

from __future__ import annotations

import logging
import time

from aiohttp import web
from aiohttp.typedefs import Handler

__all__ = ["log_access"]

_log = logging.getLogger(__name__)


@web.middleware
async def log_access(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tell who asked for what, and how it ended.  Neither header nor query is told: either may hold a key."""
    started, how = time.monotonic(), "hung up"
    try:
        response = await handler(request)
        how = str(response.status)
    finally:
        seconds = time.monotonic() - started
        path = request.rel_url.raw_path  # not decoded: a line end in it stays what it is
        _log.info("%s %s %s: %s after %.2f s", request.remote, request.method, path, how, seconds)
    return response
