"""OpenAI's chat completions as a server writes them: requests read, answers and errors put into their envelopes.

Pure.  What a client reads of the same format is in :mod:`ava_magic.providers.chunks`.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

from .providers.base import FinishReason, ModelName, Reasoning, Refusal, Usage

__all__ = ["CHUNK", "FIELDS", "Answer", "ServiceError", "models", "read_body"]

CHUNK = "chat.completion.chunk"
FIELDS = {"model": str, "stream": bool, "stream_options": dict}
"""The fields of a request that are read here, beside ``messages``; the others are the provider's."""

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class ServiceError(Exception):
    """What the client gets in place of an answer, or of the rest of one."""

    def __init__(self, status: int, message: str, code: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
        self.body = {"error": {"message": message, "type": kind, "code": code}}
        self.status = status
        self.headers = headers


class Answer:
    """The envelope of a reply, filled in by what the provider says about it."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.finish_reason = "stop"
        self.usage: Mapping[str, Any] | None = None
        self._id = f"chatcmpl-{secrets.token_hex(12)}"
        self._created = int(time.time())

    def take(self, delta: object) -> dict[str, str]:
        """What a delta adds to the message: nothing where it is no text, or an empty one."""
        match delta:
            case str() if delta:
                return {"content": delta}
            case Reasoning(text) if text:
                return {"reasoning_content": text}
            case Refusal(text) if text:
                return {"refusal": text}
            case Usage(counts):
                self.usage = counts
            case FinishReason(reason):
                self.finish_reason = reason
            case ModelName(name):
                self.model = name
        return {}

    def chunk(self, delta: Mapping[str, str], finish_reason: str | None = None) -> dict[str, Any]:
        """One event of the stream."""
        return self.envelope(CHUNK, {"index": 0, "delta": delta, "finish_reason": finish_reason})

    def whole(self, texts: Mapping[str, list[str]]) -> dict[str, Any]:
        """The answer in one piece; ``texts`` are the pieces of its message, by field."""
        message = {"role": "assistant", "content": None if "refusal" in texts else ""}
        message |= {name: "".join(parts) for name, parts in texts.items()}
        choice = {"index": 0, "message": message, "finish_reason": self.finish_reason}
        return self.envelope("chat.completion", choice) | ({"usage": self.usage} if self.usage else {})

    def envelope(self, kind: str, *choices: Mapping[str, Any]) -> dict[str, Any]:
        """What every object of an answer has in common, around ``choices``."""
        return {"id": self._id, "object": kind, "created": self._created, "model": self.model, "choices": choices}


def models(name: str, owner: str, wanted: str | None = None) -> dict[str, Any]:
    """The list of the one model there is, or that model alone where it is ``wanted``.

    Raises :class:`ServiceError` (404) where another is.
    """
    model = {"id": name, "object": "model", "created": 0, "owned_by": owner}
    if wanted is None:
        return {"object": "list", "data": [model]}
    if wanted != name:
        raise ServiceError(404, f"the model {wanted} is not listed here; {name} is", "model_not_found")
    return model


def read_body(raw: bytes) -> dict[str, Any]:
    """The fields of a request, with those that are read here known to be sound.  Raises :class:`ServiceError` (400)."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise ServiceError(400, "the body must be a JSON object", "invalid_json")
    messages = body.get("messages")
    if not (isinstance(messages, list) and messages and all(_is_message(message) for message in messages)):
        raise ServiceError(
            400, "messages must be a list of objects, each with a role and a content", "invalid_messages"
        )
    for name, kind in FIELDS.items():
        if not isinstance(body.get(name), kind | None):
            raise ServiceError(400, f"{name} must be of type {kind.__name__}", f"invalid_{name}")
    return body


def _is_message(value: Any) -> bool:
    """An assistant's message may have no content, as one that calls a tool; nobody else's may."""
    if not (isinstance(value, dict) and isinstance(value.get("role"), str)):
        return False
    content = value.get("content")
    return isinstance(content, str | list) or (content is None and value["role"] == "assistant")
