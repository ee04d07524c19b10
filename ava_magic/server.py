"""The loopback service: any provider, behind the two protocols that chat clients speak.

``python -m ava_magic.server`` prints its URL and serves until it is interrupted::

    POST /api/chat              CodeLinkAva's protocol; streams unless "stream" is false
    POST /v1/chat/completions   OpenAI's; streams if "stream" is true, answers with one JSON object otherwise
    GET  /v1/models             the model that answers where a request names none

The last two stand without ``/v1`` as well.  What a request holds beside ``messages``, ``model``, ``stream`` and
``stream_options`` goes to the provider as it is; what comes back is text: content, reasoning, refusal.

- A stream begins with the provider's first text, so a failure before that has an HTTP status of its own; a later one is
  told inside the stream, which then ends without ``[DONE]``.  Neither holds a key or a traceback.
- A client that hangs up ends the generation, one that reads slowly slows it down.
- An endpoint is asked once.  To retry is for the client, who is told the endpoint's ``Retry-After``.
- A web page of another site can neither ask nor listen: the ``Host`` header must name this machine (a name that an
  attacker lets point here does not), an ``Origin`` must be on the same host, and no answer carries a CORS header.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import functools
import json
import logging
import signal
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientResponseError, web
from aiohttp.typedefs import Handler, Middleware

from . import transport
from .completions import CHUNK, FIELDS, Answer, ServiceError, read_body
from .connection import Connection
from .content import without_images
from .conversation import Message
from .errors import AvaError
from .failures import ClientError, as_ava_error
from .providers.base import hang_up
from .providers.presets import Endpoint, resolve

__all__ = ["create_app", "listen", "main"]

_LARGEST_BODY = 16 * 1024 * 1024
_STATUSES = {"auth": 401, "rate_limit": 429, "bad_request": 400, "timeout": 504}
_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
# These stand for every address, and are none to connect to.
_REACHED_AT = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound here
_dumps = functools.partial(json.dumps, default=str)  # a plug-in may count its usage in types of its own
_log = logging.getLogger(__name__)


class Service:
    """The handlers, in front of one endpoint."""

    def __init__(self, endpoint: Endpoint, model: str) -> None:
        self.endpoint = endpoint
        self.model = model
        self.name = model or endpoint.name

    async def models(self, request: web.Request) -> web.Response:
        model = {"id": self.name, "object": "model", "created": 0, "owned_by": self.endpoint.name}
        return web.json_response({"object": "list", "data": [model]})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        fields = read_body(await request.read())
        messages = fields.pop("messages")
        if not self.endpoint.takes_images:
            messages = without_images(messages)
        model, stream, options = (fields.pop(name, None) for name in FIELDS)
        if not model or model == self.name:
            model = self.model
        answer = Answer(model or self.name)
        async with aclosing(self._deltas(answer, model, messages, fields)) as deltas:
            if stream or (stream is None and request.path == "/api/chat"):
                return await _stream(request, deltas, answer, bool(options and options.get("include_usage")))
            texts: dict[str, list[str]] = defaultdict(list)
            async for delta in deltas:
                for name, text in delta.items():
                    texts[name].append(text)
        return web.json_response(answer.whole(texts), dumps=_dumps)

    async def _deltas(
        self, answer: Answer, model: str, messages: list[Message], fields: dict[str, Any]
    ) -> AsyncGenerator[dict[str, str], None]:
        """What the provider adds to the message, bit by bit.  Whatever it raises, this raises :class:`ServiceError`."""
        deltas: Any = None
        failure: ServiceError | None = None
        try:
            deltas = self.endpoint.ask(model, messages, **fields)
            async for delta in deltas:
                if addition := answer.take(delta):
                    yield addition
        except Exception as error:
            failure = _failure(error, self.endpoint)
        finally:
            if deltas is not None:
                await hang_up(deltas)
        if failure is not None:
            raise failure


async def _stream(
    request: web.Request, deltas: AsyncGenerator[dict[str, str], None], answer: Answer, include_usage: bool
) -> web.StreamResponse:
    delta = await anext(deltas, None)  # before the status is sent: what fails here has one of its own
    headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    response = web.StreamResponse(headers=headers)
    role = {"role": "assistant"}
    with suppress(ConnectionError):  # the client has gone, and with it the reason to go on
        await response.prepare(request)
        try:
            while delta is not None:
                await _send(response, answer.chunk(role | delta))
                role = {}
                delta = await anext(deltas, None)
        except ServiceError as failure:
            await _send(response, failure.body)
            return response
        await _send(response, answer.chunk(role, answer.finish_reason))
        if include_usage and answer.usage:
            await _send(response, answer.envelope(CHUNK) | {"usage": answer.usage})
        await response.write(b"data: [DONE]\n\n")
    return response


async def _send(response: web.StreamResponse, payload: Mapping[str, Any]) -> None:
    await response.write(f"data: {_dumps(payload)}\n\n".encode())


def _failure(error: Exception, endpoint: Endpoint) -> ServiceError:
    """A provider's error for the client, who is told the type alone where the text could hold anything."""
    headers: Mapping[str, str] = (isinstance(error, ClientResponseError) and error.headers) or {}
    if isinstance(error, ClientError | TimeoutError):
        error = as_ava_error(error, endpoint.where, endpoint.key_name)
    elif not isinstance(error, AvaError):
        _log.error("the provider %s failed", endpoint.name, exc_info=error)
        what = f"the provider {endpoint.name} failed ({type(error).__name__}); the server's log says more"
        error = AvaError(what, "api")
    wait = {name: headers[name] for name in ("Retry-After",) if name in headers}
    return ServiceError(_STATUSES.get(error.kind, 502), f"{error}{endpoint.hint}", error.kind, wait)


def _error_response(failure: ServiceError) -> web.Response:
    return web.json_response(failure.body, status=failure.status, headers=failure.headers)


def _gate(host: str) -> Middleware:
    """What every request passes: who may come in, and the shape of what goes wrong."""

    @web.middleware
    async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            _admit(request, host)
            return await handler(request)
        except ServiceError as failure:
            return _error_response(failure)
        except web.HTTPException as error:  # aiohttp's own: no such path, wrong method, body too large
            allow = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
            what = f"{request.method} {request.path}: {error.text or error.reason}"
            return _error_response(ServiceError(error.status, what, _CODES.get(error.status, "http"), allow))
        except Exception:  # a fault of ours: the client gets an answer in the shape that it knows, the log the rest
            _log.exception("%s %s failed", request.method, request.path)
            return _error_response(ServiceError(500, "the server failed; its log says more", "internal_error"))

    return gate


def _admit(request: web.Request, host: str) -> None:
    """Raise :class:`ServiceError` (403) for a request that another site's name or page led here."""
    name = _host_of(f"//{request.headers.get('Host', '')}")
    here = request.transport.get_extra_info("sockname")[0] if request.transport else ""
    if not (transport.is_loopback(name) or name in (host.lower(), here)):
        raise ServiceError(
            403, "the Host header does not name this server; use the URL that it printed", "forbidden_host"
        )
    origin = _host_of(request.headers["Origin"]) if "Origin" in request.headers else name
    if origin != name and not (transport.is_loopback(origin) and transport.is_loopback(name)):
        raise ServiceError(403, "a page of another site may not ask here", "forbidden_origin")


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def create_app(endpoint: Endpoint, *, model: str = "", host: str = "127.0.0.1") -> web.Application:
    """The service as an application.

    Args:
        endpoint: what answers, as :func:`~ava_magic.providers.presets.resolve` gives it.
        model: what it is asked for where a request names no model.
        host: the name or address that the application will be bound to.

    Run it with ``handler_cancellation=True``, as :func:`listen` does: aiohttp tells it of a hang-up then, at once.
    """
    service = Service(endpoint, model)
    app = web.Application(middlewares=[_gate(host)], client_max_size=_LARGEST_BODY)
    app.router.add_post("/api/chat", service.chat)
    for prefix in ("", "/v1"):
        app.router.add_post(f"{prefix}/chat/completions", service.chat)
        app.router.add_get(f"{prefix}/models", service.models)
    return app


async def listen(app: web.Application, host: str = "127.0.0.1", port: int = 0) -> tuple[web.AppRunner, str]:
    """Serve ``app``; return its runner, whose ``cleanup()`` ends that within a second, and the URL.

    A ``port`` of 0 takes any free one.  Raises :class:`OSError` or :class:`OverflowError` where there is no such place.
    """
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.4)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except BaseException:  # also when it is cancelled: what was set up is taken down
        await runner.cleanup()
        raise
    name = _REACHED_AT.get(host, host)
    return runner, f"http://{f'[{name}]' if ':' in name else name}:{runner.addresses[0][1]}"


async def _serve(app: web.Application, host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # on Windows, where Ctrl-C comes as KeyboardInterrupt
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner, url = await listen(app, host, port)
    try:
        print(url, flush=True)
        await stop.wait()
    finally:
        await runner.cleanup()
        await transport.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until interrupted or terminated.

    Raises :class:`SystemExit`: 2 for a wrong call, 1 where nothing can be served; a line on stderr says why.
    """
    parser = argparse.ArgumentParser("python -m ava_magic.server", description="Serve a provider to chat clients.")
    parser.add_argument("--provider", default="guide", metavar="NAME", help="who answers (%(default)s)")
    parser.add_argument("--model", default="", metavar="NAME", help="the model, where a request names none")
    parser.add_argument("--base-url", default="", metavar="URL", help="where the provider is")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (%(default)s): who reaches it may ask")
    parser.add_argument("--port", default=8282, type=int, metavar="N", help="0: any free one (%(default)s)")
    chosen = parser.parse_args(arguments)
    try:
        endpoint = resolve(chosen.provider, Connection(base_url=chosen.base_url, retries=0))
        asyncio.run(_serve(create_app(endpoint, model=chosen.model, host=chosen.host), chosen.host, chosen.port))
    except KeyboardInterrupt:
        pass
    except AvaError as error:
        parser.exit(1, f"{error}\n")
    except (OSError, OverflowError) as error:
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        why = f"port {chosen.port} is in use" if taken else f"{chosen.host}, port {chosen.port}: {error}"
        parser.exit(1, f"cannot listen: {why}; choose another with --port, or 0 for any free one\n")


if __name__ == "__main__":
    main()
