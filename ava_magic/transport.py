"""The only HTTP client code: one aiohttp session for each event loop, and the rules that keep a reply and a key safe.

- There is no limit on the whole of a reply, only on connecting and on silence.
- A request is repeated only before its first byte has come, on connection errors, 408, 429 and 5xx.
- Redirects are not followed, cookies not kept, netrc and proxies of the environment not read.
- No exception that leaves this module carries a request header, nor a frame that held one: ``repr`` of aiohttp's
  ``ClientResponseError`` shows the Authorization header otherwise.
"""

from __future__ import annotations

import asyncio
import atexit
import email.utils
import ipaddress
import json
import random
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import aiohttp
from aiohttp import ClientError
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from ._version import __version__
from .connection import Connection, Key, error_text, without_keys
from .errors import AvaError

__all__ = ["close", "close_all", "fetch_json", "headers", "is_loopback", "stream"]

_ERROR_BODY = 64 * 1024
_LONGEST_WAIT = 120.0


class _Held(NamedTuple):
    keeper: AsyncGenerator[aiohttp.ClientSession, None]
    session: aiohttp.ClientSession


_sessions: dict[asyncio.AbstractEventLoop, _Held] = {}


def stream(url: str, body: Mapping[str, Any], connection: Connection) -> AsyncGenerator[bytes, None]:
    """POST ``body`` as JSON to ``url``; yield the answer as it comes, decompressed, in whatever pieces it comes.

    Raises :class:`ClientError` or :class:`TimeoutError` where the endpoint fails, and :class:`AvaError`
    (``too_large``, ``config``) where a limit of ours does.
    """
    return _read("POST", url, connection, body)


async def fetch_json(url: str, connection: Connection) -> Any:
    """GET ``url`` and parse the answer as JSON.  Raises as :func:`stream` does."""
    try:
        return json.loads(b"".join([chunk async for chunk in _read("GET", url, connection)]))
    except (ValueError, RecursionError):
        raise AvaError(f"{url} did not answer in JSON; is the base URL right?", "protocol") from None


async def _read(
    method: str, url: str, connection: Connection, body: Mapping[str, Any] | None = None
) -> AsyncGenerator[bytes, None]:
    response = await _send(method, url, connection, body)
    received = 0
    failure: ClientError | None = None
    try:
        async for chunk in response.content.iter_any():
            received += len(chunk)
            if received > connection.limit:
                raise AvaError(f"the answer passed the limit of {connection.limit:,} bytes and was cut", "too_large")
            yield chunk
    except ClientError as error:
        failure = _clean(error, response.url, method, connection.key)
    finally:
        response.close()
    if failure is not None:
        raise failure


async def close() -> None:
    """Close the running loop's session, if it has one."""
    if held := _sessions.get(asyncio.get_running_loop()):
        await held.keeper.aclose()


async def _send(
    method: str, url: str, connection: Connection, body: Mapping[str, Any] | None
) -> aiohttp.ClientResponse:
    """Send the request until it is answered with success; the response is open."""
    attempt = 0
    while True:
        answer = await _try(method, url, connection, body)
        if isinstance(answer, aiohttp.ClientResponse):
            return answer
        wait = _wait_before_retry(answer, attempt)
        if wait is None or attempt >= connection.retries:
            raise answer
        if connection.on_wait is not None:
            connection.on_wait(_reason(answer), wait)
        await asyncio.sleep(wait)
        attempt += 1


async def _try(
    method: str, url: str, connection: Connection, body: Mapping[str, Any] | None
) -> aiohttp.ClientResponse | ClientError:
    """One request: the open response, or the error as a value, free of what the request carried."""
    try:
        response = await (await _session()).request(
            method,
            url,
            json=body,
            headers=headers(url, connection.key),
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=connection.connect_timeout, sock_read=connection.idle_timeout
            ),
        )
    except ClientError as error:
        # Returned, not raised: what is raised inside an except clause keeps aiohttp's frames, which hold the headers.
        return _clean(error, URL(url), method, connection.key)
    if response.status == 204 or not 200 <= response.status < 300:
        return await _status_error(response, connection.key)
    return response


def headers(url: str, key: Key | None) -> dict[str, str]:
    """The headers of a request to ``url``.  Raises :class:`AvaError` (``config``) where ``key`` may not go."""
    headers = {"Accept": "text/event-stream, application/json"}
    if key is not None:
        target = URL(url)
        if target.scheme != "https" and not is_loopback(target.host or ""):
            raise AvaError(f"a key is not sent to {target.host} over plain http; use https, or unset it", "config")
        headers["Authorization"] = f"Bearer {key.reveal()}"
    return headers


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine by name or by address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _status_error(response: aiohttp.ClientResponse, key: Key | None) -> aiohttp.ClientResponseError:
    body = b""
    with suppress(ClientError, TimeoutError):
        async with asyncio.timeout(5):
            while len(body) < _ERROR_BODY and (chunk := await response.content.readany()):
                body += chunk
    response.close()
    return aiohttp.ClientResponseError(
        _request_info(response.url, response.method),
        (),
        status=response.status,
        message=without_keys(_said(body[:_ERROR_BODY]) or response.reason or "", key),
        headers=response.headers,
    )


def _clean(error: ClientError, url: URL, method: str, key: Key | None) -> ClientError:
    """``error`` free of the request's headers, and of the frames that held them."""
    if isinstance(error, aiohttp.ClientResponseError):  # aiohttp could not read the answer; 0: it has no status
        words = without_keys(str(error.message), key)
        return aiohttp.ClientResponseError(_request_info(url, method), (), status=0, message=words)
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _request_info(url: URL, method: str) -> aiohttp.RequestInfo:
    return aiohttp.RequestInfo(url, method, CIMultiDictProxy(CIMultiDict()), url)


def _said(body: bytes) -> str:
    """What an error's body says, if it says it in JSON or in a few plain words; a web page says nothing."""
    text = body.decode("utf-8", "replace").strip()
    try:
        return error_text(json.loads(text))
    except (ValueError, RecursionError):
        return "" if text.startswith("<") or len(text) > 300 else text


_NOT_MENDED_BY_TIME = (
    aiohttp.ClientConnectorCertificateError,
    aiohttp.ClientSSLError,
    aiohttp.SocketTimeoutError,  # it was waited for long enough already
)


def _wait_before_retry(error: ClientError, attempt: int) -> float | None:
    """Seconds to wait before asking again, or ``None`` where asking again would not help."""
    if isinstance(error, aiohttp.ClientResponseError):
        if error.status not in (408, 429) and error.status < 500:
            return None
        asked_for = _retry_after(error.headers or {})
        if asked_for is not None:
            return asked_for if asked_for <= _LONGEST_WAIT else None
    elif not isinstance(error, aiohttp.ClientConnectionError) or isinstance(error, _NOT_MENDED_BY_TIME):
        return None
    return float(0.5 * 2**attempt * random.uniform(0.75, 1.25))


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a ``Retry-After`` header asks for, in either of its forms (RFC 9110, section 10.2.3)."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _reason(error: ClientError) -> str:
    if isinstance(error, aiohttp.ClientResponseError):
        return f"{error.status} {error.message}".strip()
    return "no connection"


async def _session() -> aiohttp.ClientSession:
    """The running loop's session.

    It is held by an asynchronous generator, since a loop that ends closes those that began in it
    (``loop.shutdown_asyncgens``, which ``asyncio.run`` calls): so a script has nothing to close.
    """
    loop = asyncio.get_running_loop()
    if held := _sessions.get(loop):
        return held.session
    keeper = _keep_session(loop)
    session = await anext(keeper)
    _sessions[loop] = _Held(keeper, session)
    return session


async def _keep_session(loop: asyncio.AbstractEventLoop) -> AsyncGenerator[aiohttp.ClientSession, None]:
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=4),  # servers often hang up after 5 s
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": f"ava-magic/{__version__}"},
        trust_env=False,
    )
    try:
        yield session
    finally:
        _sessions.pop(loop, None)
        await session.close()


@atexit.register
def close_all() -> None:
    """Close every session, from code that cannot await; one whose loop is busy is closed as soon as that loop turns."""
    for loop, held in list(_sessions.items()):
        if loop.is_closed():
            held.session.detach()  # its sockets went with the loop; without this, aiohttp complains about them
            with suppress(StopIteration, RuntimeError):
                held.keeper.aclose().send(None)  # nothing in it has to wait any more
        elif loop.is_running():
            asyncio.run_coroutine_threadsafe(held.keeper.aclose(), loop)
        else:
            loop.run_until_complete(held.keeper.aclose())
