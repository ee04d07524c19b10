"""The only HTTP client code: requests, and the rules that keep a reply and a key safe.

- There is no limit on the time that a whole reply takes, only on connecting, on silence and on the time to its headers.
- What an endpoint can make us hold is bounded: a body, an error's body, and by aiohttp (from 3.13.4 on) the headers and
  what a few compressed bytes unpack to.
- A request is repeated only before its first byte has come, on connection errors, 408, 429 and 5xx.
- Redirects are not followed, and proxies of the environment not used unless the connection says so.
- No exception that leaves this module carries a request header, nor a frame that held one: ``repr`` of aiohttp's
  ``ClientResponseError`` shows the Authorization header otherwise.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from typing import Any, TypeVar
from urllib.request import (  # type: ignore[attr-defined]  # the stubs lack the second name
    getproxies_environment,
    proxy_bypass_environment,  # pyright: ignore[reportAttributeAccessIssue]  # which is this one
)

import aiohttp
from aiohttp import ClientError
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from . import log
from .body import chunks_of
from .connection import Connection, Key, error_text, without_keys
from .errors import AvaError, raise_alone
from .retry import reason_to_wait, wait_before_retry
from .sessions import close, is_loopback, session

__all__ = ["close", "fetch_json", "headers", "keep_off_plain_http", "stream"]

_ERROR_BODY = 64 * 1024
_ERROR_BODY_LASTS = 5.0
_Error = TypeVar("_Error", bound=BaseException)
_KEPT_HEADERS = ("Retry-After", "Location")


def stream(url: str, body: Mapping[str, Any], connection: Connection) -> AsyncGenerator[bytes, None]:
    """POST ``body`` as JSON to ``url``; yield the answer as it comes, decompressed, in whatever pieces it comes.

    Raises :class:`ClientError` or :class:`TimeoutError` where the endpoint fails, and :class:`AvaError`
    (``too_large``, ``config``) where a limit of ours does.
    """
    return _read("POST", url, connection, body)


async def fetch_json(url: str, connection: Connection) -> Any:
    """GET ``url`` and parse the answer as JSON.  Raises as :func:`stream` does."""
    answer: Any = None
    failure: ClientError | AvaError | None = None
    try:
        answer = json.loads(b"".join([chunk async for chunk in _read("GET", url, connection)]))
    except (ValueError, RecursionError):
        failure = AvaError(f"{url} did not answer in JSON; is the base URL right?", "protocol")
    except (ClientError, AvaError) as error:
        failure = error.with_traceback(None)
    if failure is not None:  # raised out here, free of the frames that hold the answer's text: it may echo the key
        raise_alone(failure)
    return answer


async def _read(
    method: str, url: str, connection: Connection, body: Mapping[str, Any] | None = None
) -> AsyncGenerator[bytes, None]:
    response = await _send(method, url, connection, body)
    room = connection.limit
    failure: ClientError | None = None
    try:
        async with aclosing(chunks_of(response)) as chunks:
            async for chunk in chunks:
                yield chunk[:room]
                room -= len(chunk)
                if room < 0:
                    raise AvaError(
                        f"the answer passed the limit of {connection.limit:,} bytes and was cut", "too_large"
                    )
    except ClientError as error:
        failure = _clean(error, response.url, method, connection.key)
    finally:
        response.close()
    if failure is not None:
        raise_alone(failure)


async def _send(
    method: str, url: str, connection: Connection, body: Mapping[str, Any] | None
) -> aiohttp.ClientResponse:
    """Send the request until it is answered with success; the response is open."""
    attempt = 0
    while True:
        answer = await _try(method, url, connection, body)
        if isinstance(answer, aiohttp.ClientResponse):
            return answer
        wait = wait_before_retry(answer, attempt)
        if wait is None or attempt >= connection.retries:
            raise_alone(answer)
        if connection.on_wait is not None:
            connection.on_wait(reason_to_wait(answer), wait)
        log.repeating(URL(url).host, getattr(answer, "status", None), wait)
        await asyncio.sleep(wait)
        attempt += 1


async def _try(
    method: str, url: str, connection: Connection, body: Mapping[str, Any] | None
) -> aiohttp.ClientResponse | ClientError:
    """One request: the open response, or the error as a value, free of what the request carried."""
    timeout = aiohttp.ClientTimeout(
        total=None, connect=connection.connect_timeout, sock_read=connection.idle_timeout
    )  # connect: name, connection and TLS together
    try:
        async with asyncio.timeout(connection.connect_timeout + connection.idle_timeout):  # also if headers trickle in
            response = await (await session()).request(
                method,
                url,
                json=body,
                headers=headers(url, connection.key),
                allow_redirects=False,
                timeout=timeout,
                proxy=_proxy(url) if connection.proxies else None,
            )
    except ClientError as error:
        # Returned, not raised: what is raised inside an except clause keeps aiohttp's frames, which hold the headers.
        return _clean(error, URL(url), method, connection.key)
    except TimeoutError:
        return aiohttp.SocketTimeoutError("no headers")
    except asyncio.CancelledError as error:
        raise _without_frames(error) from None
    if response.status == 204 or not 200 <= response.status < 300:
        return await _status_error(response, connection.key)
    return response


def headers(url: str, key: Key | None) -> dict[str, str]:
    """The headers of a request to ``url``.  Raises :class:`AvaError` (``config``) where ``key`` may not go."""
    accepted = {"Accept": "text/event-stream, application/json"}
    if key is None:
        return accepted
    keep_off_plain_http(url)
    return accepted | {"Authorization": f"Bearer {key.reveal()}"}


def keep_off_plain_http(url: str) -> None:
    """Raise :class:`AvaError` (``config``) if a key for ``url`` could be read on its way."""
    target = URL(url)
    if target.scheme != "https" and not is_loopback(target.host or ""):
        raise AvaError(f"a key is not sent to {target.host} over plain http; use https, or unset it", "config")


def _proxy(url: str) -> URL | None:
    """The proxy of the environment for ``url``; this machine is reached without one."""
    target = URL(url)
    host = target.host or ""
    proxies = getproxies_environment()
    proxy = proxies.get(target.scheme) or proxies.get("all")
    if not proxy or is_loopback(host) or proxy_bypass_environment(host, proxies):
        return None
    try:
        address = URL(proxy if "://" in proxy else f"http://{proxy}")
    except ValueError:
        address = URL()
    if address.scheme not in ("http", "https") or not address.host:
        name = f"{target.scheme}_proxy"
        raise AvaError(f"{name} names no proxy that can be used; it should look like http://host:3128", "config")
    return address


async def _status_error(response: aiohttp.ClientResponse, key: Key | None) -> aiohttp.ClientResponseError:
    body = b""
    try:
        with suppress(ClientError, TimeoutError):
            async with asyncio.timeout(_ERROR_BODY_LASTS):
                while len(body) < _ERROR_BODY and (chunk := await response.content.readany()):
                    body += chunk
    finally:
        response.close()
    kept = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    return aiohttp.ClientResponseError(
        _request_info(response.url, response.method),
        (),
        status=response.status,
        message=without_keys(_said(body[:_ERROR_BODY]) or response.reason or "", key),
        headers=CIMultiDict((name, without_keys(value, key)) for name, value in kept.items()),
    )


def _clean(error: ClientError, url: URL, method: str, key: Key | None) -> ClientError:
    """``error`` free of the request's headers, and of the frames that held them."""
    if isinstance(error, aiohttp.ClientResponseError):
        words = without_keys(str(error.message), key)
        if isinstance(error, aiohttp.ClientHttpProxyError):
            return aiohttp.ClientHttpProxyError(_request_info(url, method), (), status=error.status, message=words)
        # aiohttp could not read the answer; 0: it has no status
        return aiohttp.ClientResponseError(_request_info(url, method), (), status=0, message=words)
    return _without_frames(error)


def _without_frames(error: _Error) -> _Error:
    """``error`` free of aiohttp's frames, which hold the request's headers, and of what came before it."""
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
