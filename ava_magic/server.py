"""The loopback service: any provider, behind the two protocols that chat clients speak.

``python -m ava_magic.server`` prints its URL and serves until it is interrupted::

    POST /api/chat              CodeLinkAva's protocol; streams unless "stream" is false
    POST /v1/chat/completions   OpenAI's; streams if "stream" is true, answers with one JSON object otherwise
    GET  /v1/models[/NAME]      the model that answers where a request names none

The last two stand without ``/v1`` as well.  What a request holds beside ``messages``, ``model``, ``stream`` and
``stream_options`` goes to the provider as it is; what comes back is text: content, reasoning, refusal.

- A stream begins with the provider's first text, so a failure before that has an HTTP status of its own; a later one is
  told inside the stream, which then ends without ``[DONE]``.  Neither holds a key or a traceback.
- A client that hangs up ends the generation, one that reads slowly slows it down.
- An endpoint is asked once.  To retry is for the client, who is told the endpoint's ``Retry-After``.
- A request has half a minute to come whole, and 16 MiB.
- Who may ask is told in :mod:`ava_magic.gate`.  Beyond this machine nobody may without a key, from ``AVA_SERVER_KEY``.
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

from aiohttp import web

from . import transport
from .access import log_access
from .chat_completions import CHUNK, FIELDS, Answer, ServiceError, models, read_body
from .connection import Connection, Key
from .conversation.exchanges import Message
from .errors import AvaError
from .gate import gate
from .providers.base import hang_up
from .providers.endpoint import Endpoint
from .providers.presets import resolve
from .service_errors import as_service_error, tell_errors
from .sessions import is_loopback
from .values.content import without_images

__all__ = ["create_app", "listen", "main"]

_LARGEST_BODY = 16 * 1024 * 1024
_BODY_LASTS = 30.0
_KEY_NAME = "AVA_SERVER_KEY"
# These stand for every address of this machine: to listen at, and not to connect to.
_REACHED_AT = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound here
_dumps = functools.partial(json.dumps, default=str)  # a plug-in may count its usage in types of its own


class Service:
    """The handlers, in front of one endpoint."""

    def __init__(self, endpoint: Endpoint, model: str) -> None:
        self.endpoint = endpoint
        self.model = model
        self.name = model or endpoint.name

    async def models(self, request: web.Request) -> web.Response:
        return web.json_response(models(self.name, self.endpoint.name, request.match_info.get("model")))

    async def chat(self, request: web.Request) -> web.StreamResponse:
        fields = read_body(await _body_of(request))
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
        except Exception as error:  # a plug-in's, too: told as what it is, and never with a traceback
            failure = as_service_error(error, self.endpoint)
        finally:
            if deltas is not None:
                await hang_up(deltas)
        if failure is not None:
            raise failure


async def _body_of(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(_BODY_LASTS):
            return await request.read()
    except TimeoutError:
        raise ServiceError(408, f"the body did not come within {_BODY_LASTS:.0f} seconds", "timeout") from None


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


def create_app(
    endpoint: Endpoint, *, model: str = "", host: str = "127.0.0.1", key: Key | None = None
) -> web.Application:
    """The service as an application.

    Args:
        endpoint: what answers, as :func:`~ava_magic.providers.presets.resolve` gives it.
        model: what it is asked for where a request names no model.
        host: the name or address that the application will be bound to.
        key: what a request must bring as a bearer token; ``None`` where the machine's own programs may all ask.

    Raises :class:`AvaError` (``config``) where others than this machine's own programs could ask without a key.
    Run it with ``handler_cancellation=True``, as :func:`listen` does: aiohttp tells it of a hang-up then, at once.
    """
    if key is None and not is_loopback(host.lower()):
        raise AvaError(
            f"beyond this machine a key is needed: set {_KEY_NAME} for {host}, or leave --host out", "config"
        )
    service = Service(endpoint, model)
    app = web.Application(middlewares=[log_access, tell_errors, gate(key)], client_max_size=_LARGEST_BODY)
    app.router.add_post("/api/chat", service.chat)
    for prefix in ("", "/v1"):
        app.router.add_post(f"{prefix}/chat/completions", service.chat)
        app.router.add_get(f"{prefix}/models", service.models)
        app.router.add_get(f"{prefix}/models/{{model:.+}}", service.models)
    return app


async def listen(app: web.Application, host: str = "127.0.0.1", port: int = 0) -> tuple[web.AppRunner, str]:
    """Serve ``app``; return its runner, whose ``cleanup()`` ends that within a second, and the URL.

    A ``port`` of 0 takes any free one.  Raises :class:`OSError` or :class:`OverflowError` where there is no such place.
    """
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.4, keepalive_timeout=75)
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
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help=f"where to listen (%(default)s); beyond this machine it wants a key, from {_KEY_NAME}",
    )
    parser.add_argument("--port", default=8282, type=int, metavar="N", help="0: any free one (%(default)s)")
    parser.add_argument("--verbose", action="store_true", help="tell of each request on stderr")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if chosen.verbose:  # of ours alone: an HTTP client's own lines may hold URLs with a key
        logging.getLogger(__package__).setLevel(logging.INFO)
    try:
        endpoint = resolve(chosen.provider, Connection(base_url=chosen.base_url, retries=0))
        app = create_app(endpoint, model=chosen.model, host=chosen.host, key=Key.from_environment(_KEY_NAME))
        asyncio.run(_serve(app, chosen.host, chosen.port))
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
