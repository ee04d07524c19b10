"""What aiohttp raised, as one line that says what to do."""

from __future__ import annotations

import os

import aiohttp
from aiohttp import ClientError

from .errors import AvaError, Kind
from .tokens import is_about_length

__all__ = ["ClientError", "as_ava_error"]


def as_ava_error(error: ClientError | TimeoutError, where: str, key_name: str = "") -> AvaError:
    """``error``, as aiohttp raised it, as one line that says what to do.

    ``where`` names the endpoint, ``key_name`` the environment variable that its key comes from.
    """
    if isinstance(error, aiohttp.ClientResponseError):
        return _status_as_ava_error(error, where, key_name)
    kind: Kind = "connection"
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        return AvaError(f"{where} is not the URL of an endpoint; it should look like https://host/v1", "config")
    if isinstance(error, TimeoutError):
        kind, says = "timeout", "nothing came for too long; ask again, or set a longer timeout"
    elif isinstance(error, aiohttp.ClientPayloadError) and "decode content-encoding" in str(error):
        kind, says = "protocol", "the answer is not compressed the way that it says; is something in between?"
    elif isinstance(error, aiohttp.ClientPayloadError):
        kind, says = "truncated", "the reply was cut off before its end; ask again"
    elif isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        says = "the TLS connection failed; is the certificate valid, and is https right?"
    elif isinstance(error, aiohttp.ClientConnectorError):
        says = f"no connection ({_os_words(error.os_error)}); is the server running and the URL right?"
    elif isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError):
        says = "the server hung up without an answer; ask again"
    else:
        kind, says = "protocol", f"the answer is not HTTP as it should be ({type(error).__name__}); is the URL right?"
    return AvaError(f"{where}: {says}", kind)


def _os_words(error: OSError) -> str:
    """The system's words for an error, without the addresses that asyncio puts in their place."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or type(error).__name__


def _status_as_ava_error(error: aiohttp.ClientResponseError, where: str, key_name: str) -> AvaError:
    status = error.status
    if not status:
        return AvaError(f"{where}: the answer is not HTTP as it should be; is the URL right?", "protocol")
    said = f"{status} {error.message}".strip()
    if status in (401, 403):
        advice = f"set {key_name} to a valid key" if key_name else "a valid key is needed; set AVA_API_KEY"
        return AvaError(f"{where} refused the key ({said}); {advice}", "auth")
    if status == 429:
        return AvaError(f"{where} wants fewer requests ({said}); wait, or look at the account's limits", "rate_limit")
    if status == 408 or status >= 500:
        return AvaError(f"{where} failed ({said}); ask again in a while", "server")
    if status >= 400:
        advice = "is the base URL right, and the model's name?" if status == 404 else "mend the request and ask again"
        if is_about_length(said):
            advice = "it is too long"  # the turn adds what to do about it
        return AvaError(f"{where} refused the request ({said}); {advice}", "bad_request")
    location = error.headers.get("Location", "") if error.headers else ""
    elsewhere = f" It points to {location}; if you trust that, use it as the base URL." if location else ""
    return AvaError(f"{where} answered {said}, which is no reply.{elsewhere}", "protocol")
