"""The loopback service: a provider behind the two protocols that chat clients speak.

``python -m ava_magic.server`` listens on this machine; its first line is the URL.  In front of the guide it needs no
network and no key, in front of a preset it lends that preset's key to whoever reaches the port.

======================================  ==============================================================================
``POST /api/chat``                      CodeLinkAva's protocol; streams unless ``stream`` is false
``POST /v1/chat/completions``           OpenAI's; streams if ``stream`` is true, else answers with one JSON object
``GET /v1/models``                      the one model that answers when a request names none
======================================  ==============================================================================

The last two stand without ``/v1`` too.  What a request holds beside ``messages``, ``model``, ``stream`` and
``stream_options`` goes to the provider as it is.  An answer carries text alone: content, reasoning, refusal.

- A stream begins when the provider's first text is there, so a failure before it has an HTTP status of its own.  A later
  one is told inside the stream, which then ends without ``[DONE]``.  Both are objects of OpenAI's shape and hold neither
  a key nor a traceback.
- Who hangs up ends the generation; who reads slowly slows it down.
- A request is asked once: the client retries, as it sees fit, and is told the endpoint's ``Retry-After``.
- A web page of another site can neither ask nor listen.  The ``Host`` header must name this machine, so that a name
  which an attacker points at it does not do (DNS rebinding); an ``Origin`` must be on the host that was asked; and no
  answer carries a CORS header.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import ipaddress
import json
import logging
import secrets
import signal
import sys
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientResponseError, web
from aiohttp.typedefs import Handler, Middleware

from . import transport
from .conversation import Message
from .errors import AvaError
from .providers.base import Connection, FinishReason, ModelName, Reasoning, Refusal, Usage
from .providers.presets import Endpoint, resolve

__all__ = ["create_app", "listen", "main"]

_LARGEST_BODY = 16 * 1024 * 1024
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # an address that means every one, and one that reaches it
_STATUSES = {"auth": 401, "rate_limit": 429, "bad_request": 400, "timeout": 504}
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_PATHS = "POST /v1/chat/completions, POST /api/chat and GET /v1/models"
_log = logging.getLogger(__name__)


class Failure(Exception):
    """What goes to the client in place of an answer, or of the rest of one."""

    def __init__(self, status: int, message: str, code: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
        self.body = {"error": {"message": message, "type": kind, "code": code}}
        self.status = status
        self.headers = headers

    def response(self) -> web.Response:
        return web.json_response(self.body, status=self.status, headers=self.headers)


@dataclass(frozen=True, slots=True)
class Question:
    """A request, read."""

    model: str
    messages: list[Message]
    stream: bool
    include_usage: bool
    fields: dict[str, Any]


def read_question(raw: bytes, streams: bool) -> Question:
    """The request in a body; ``streams`` says what it means when it does not say.  Raises :class:`Failure`."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise Failure(400, "the body is not JSON", "invalid_json") from None
    if not isinstance(body, dict):
        raise Failure(400, "the body must be a JSON object", "invalid_json")
    messages, model, stream, options = (body.pop(name, None) for name in ("messages", "model", "stream", "stream_options"))
    if not (isinstance(messages, list) and messages and all(_is_message(message) for message in messages)):
        raise Failure(400, "messages must be a list of objects, each with a role and a content", "invalid_messages")
    for name, value, kind in (("model", model, str), ("stream", stream, bool), ("stream_options", options, dict)):
        if not isinstance(value, kind | None):
            raise Failure(400, f"{name} must be a {kind.__name__}", f"invalid_{name}")
    include_usage = bool((options or {}).get("include_usage"))
    return Question(model or "", messages, streams if stream is None else stream, include_usage, body)


def _is_message(value: Any) -> bool:
    """An assistant's message may lack a content, as one that calls a tool does; nobody else's may."""
    if not (isinstance(value, dict) and isinstance(value.get("role"), str)):
        return False
    content = value.get("content")
    return isinstance(content, str | list) or (content is None and value["role"] == "assistant")


class Answer:
    """The envelope of a reply, and what the provider says about it."""

    def __init__(self, model: str) -> None:
        self.id = f"chatcmpl-{secrets.token_hex(12)}"
        self.created = int(time.time())
        self.model = model
        self.finish_reason = "stop"
        self.usage: dict[str, Any] | None = None

    def take(self, delta: object) -> dict[str, str]:
        """What a delta adds to the message; nothing where it is no text, or an empty one."""
        match delta:
            case str() if delta:
                return {"content": delta}
            case Reasoning(text) if text:
                return {"reasoning_content": text}
            case Refusal(text) if text:
                return {"refusal": text}
            case Usage(counts):
                self.usage = dict(counts)
            case FinishReason(reason):
                self.finish_reason = reason
            case ModelName(name):
                self.model = name
        return {}

    def chunk(self, *choices: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        return self._envelope("chat.completion.chunk", choices) | more

    def whole(self, texts: Mapping[str, list[str]]) -> dict[str, Any]:
        message = {"role": "assistant", "content": None if "refusal" in texts else ""}
        message |= {name: "".join(parts) for name, parts in texts.items()}
        choice = {"index": 0, "message": message, "finish_reason": self.finish_reason}
        usage = {} if self.usage is None else {"usage": self.usage}
        return self._envelope("chat.completion", [choice]) | usage

    def _envelope(self, kind: str, choices: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model, "choices": list(choices)}


class Service:
    """The handlers, around one endpoint."""

    def __init__(self, endpoint: Endpoint, model: str) -> None:
        self.endpoint = endpoint
        self.model = model
        self.name = model or endpoint.name

    async def chat(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, read_question(await request.read(), streams=True))

    async def completions(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, read_question(await request.read(), streams=False))

    async def models(self, request: web.Request) -> web.Response:
        model = {"id": self.name, "object": "model", "created": 0, "owned_by": self.endpoint.name}
        return web.json_response({"object": "list", "data": [model]})

    async def _answer(self, request: web.Request, question: Question) -> web.StreamResponse:
        asked = self.model if question.model in ("", self.name) else question.model
        answer = Answer(asked or self.name)
        async with aclosing(self._deltas(asked, question, answer)) as deltas:
            if question.stream:
                return await _stream(request, deltas, answer, question.include_usage)
            texts: dict[str, list[str]] = defaultdict(list)
            async for delta in deltas:
                for name, text in delta.items():
                    texts[name].append(text)
        return web.json_response(answer.whole(texts), dumps=_dumps)

    async def _deltas(self, model: str, question: Question, answer: Answer) -> AsyncGenerator[dict[str, str], None]:
        """What the provider's deltas add to the message.  Raises :class:`Failure`, whatever the provider raises."""
        deltas, failure = None, None
        try:
            deltas = self.endpoint.ask(model, question.messages, **question.fields)
            async for delta in deltas:
                if addition := answer.take(delta):
                    yield addition
        except Exception as error:
            failure = _failure(error, self.endpoint)
        finally:
            if deltas is not None and hasattr(deltas, "aclose"):  # a plug-in may be any async iterator
                await deltas.aclose()
        if failure is not None:
            raise failure


async def _stream(
    request: web.Request, deltas: AsyncGenerator[dict[str, str], None], answer: Answer, include_usage: bool
) -> web.StreamResponse:
    addition = await anext(deltas, None)  # before the status is sent: what fails here has one of its own
    headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    response = web.StreamResponse(headers=headers)
    with suppress(ConnectionError):  # the client has gone, and so has the reason to go on
        await response.prepare(request)
        delta = {"role": "assistant", "content": ""} | (addition or {})
        try:
            while addition is not None:
                await _send(response, answer.chunk({"index": 0, "delta": delta, "finish_reason": None}))
                delta = addition = await anext(deltas, None) or {}
        except Failure as failure:
            await _send(response, failure.body)
            return response
        await _send(response, answer.chunk({"index": 0, "delta": delta, "finish_reason": answer.finish_reason}))
        if include_usage and answer.usage is not None:
            await _send(response, answer.chunk(usage=answer.usage))
        await response.write(b"data: [DONE]\n\n")
    return response


async def _send(response: web.StreamResponse, payload: Mapping[str, Any]) -> None:
    await response.write(f"data: {_dumps(payload)}\n\n".encode())


def _dumps(payload: Any) -> str:
    return json.dumps(payload, default=str)  # a plug-in may report its usage in types of its own
