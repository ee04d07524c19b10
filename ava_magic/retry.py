"""Whether a request is worth repeating, and after how long."""

from __future__ import annotations

import email.utils
import random
import re
import time
from collections.abc import Mapping

import aiohttp
from aiohttp import ClientError

__all__ = ["LONGEST_WAIT", "reason_to_wait", "retry_after", "wait_before_retry"]

LONGEST_WAIT = 120.0
"""Seconds.  Where an endpoint asks for a longer wait, the user decides."""

_NOT_MENDED_BY_TIME = (
    aiohttp.ClientSSLError,
    aiohttp.SocketTimeoutError,  # it was waited for long enough already
)


def wait_before_retry(error: ClientError, attempt: int) -> float | None:
    """Seconds to wait before asking again, or ``None`` where asking again would not help.

    ``attempt`` counts the repetitions so far; each waits twice as long as the one before, give or take a quarter, so
    that many clients that were refused at once do not come back at once.
    """
    if isinstance(error, aiohttp.ClientResponseError):
        if error.status not in (408, 429) and error.status < 500:
            return None
        asked_for = retry_after(error.headers or {})
        if asked_for is not None:
            return asked_for if asked_for <= LONGEST_WAIT else None
    elif not isinstance(error, aiohttp.ClientConnectionError) or isinstance(error, _NOT_MENDED_BY_TIME):
        return None
    return float(0.5 * 2**attempt * random.uniform(0.75, 1.25))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a ``Retry-After`` header asks for, in either of its forms (RFC 9110, section 10.2.3).

    Seconds may have a fraction, as some services write them.
    """
    value = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]*)?", value):
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def reason_to_wait(error: ClientError) -> str:
    """What went wrong, in the few words that a countdown has room for."""
    if isinstance(error, aiohttp.ClientResponseError):
        return f"{error.status} {error.message}".strip()
    return "no connection"
