"""``chat.completion.chunk``: the bytes of an answer in, deltas out.

Pure.  It serves every provider that speaks OpenAI's stream.  It is lenient where services differ (labels, empty or
missing ``choices``, ``null`` deltas, content as parts, no blank line between two chunks or after the last one) and
strict where a reply could be lost: an answer that stops before its end is an error, and so is an error told inside the
stream, as an event or between events: llama.cpp wrote ``error: {...}`` until September 2025 (ggml-org/llama.cpp#16109),
Google's services break off with a bare JSON document.

The first byte that is no white space decides how the body is read, whatever its label says: ``{`` begins one JSON
document (some servers ignore ``stream: true``), ``<`` a web page, anything else an event stream.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, suppress
from json.scanner import make_scanner
from typing import Any

from ..connection import Key, error_text, without_keys
from ..errors import AvaError, raise_alone
from ..sse import EventDecoder
from .base import Delta, FinishReason, ModelName, Usage
from .message import MessageReader

__all__ = ["ChunkDecoder", "read_deltas"]

# json.loads less its checks: a quarter less time on a small text.
_scan = make_scanner(json.JSONDecoder())  # type: ignore[arg-type]  # the stubs give it a wrong argument
_LAST_BYTES = 0.1  # seconds to wait for the end of a body after the end mark in it
_LAST_EVENTS = 5.0  # seconds of silence after the reason for the end, in which token counts and the end mark may come
_FIELDS = ("data", "event", "id", "retry")
_BEGINNING = 1_000  # characters of a document, in which an answer tells itself


class ChunkDecoder:
    """An incremental parser: :meth:`feed` it the body in any cut, then :meth:`finish`.

    Both yield deltas and raise :class:`AvaError` (``api``, ``protocol``, ``truncated``) where the stream goes wrong,
    after the deltas that came before.  ``finished`` is true once the reply is whole (its token counts may still come),
    ``done`` once nothing more is to come.
    """

    def __init__(self) -> None:
        self.done = self.finished = False
        self._events = EventDecoder()
        self._document: list[bytes] | None = None
        self._sniffed = False
        self._first: str | None = None  # what the first event holds
        self._has_choices = False
        self._message = MessageReader()
        self._model: str | None = None

    def feed(self, chunk: bytes) -> Iterator[Delta]:
        """Take the next bytes of the body; yield the deltas that they complete."""
        if not self._sniffed:
            self._sniff(chunk)
        if self._document is not None:
            self._document.append(chunk)
            return
        out: list[Delta] = []
        try:
            events = self._events.feed(chunk)
            if events and self._first is None:
                self._first = events[0].data
            for event, data, _, _ in events:
                if self.done:
                    break
                try:
                    payload, end = _scan(data, 0)
                except (StopIteration, ValueError, RecursionError):
                    payload, end = None, -1
                if end == len(data) and type(payload) is dict and event != "error":
                    self._read(payload, out)
                else:
                    self._read_unusual(event, data.strip(), out)
        finally:
            yield from out  # also before an error: what had arrived is not lost

    def finish(self) -> Iterator[Delta]:
        """End the body; yield what was held back, or all of it where it was one JSON document."""
        out: list[Delta] = []
        try:
            if self._document is not None:
                self._read_document(b"".join(self._document), out)
            elif not self.done:
                self._read_the_last(out)
            self.done = True
        finally:
            out.extend(self._message.finish())
            yield from out

    def _sniff(self, chunk: bytes) -> None:
        start = chunk.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        self._sniffed = bool(start)
        if start in (b"{", b"["):
            self._document = []
        elif start == b"<":
            raise AvaError("the endpoint answered with a web page, not a reply; is the base URL right?", "protocol")

    def _read(self, payload: dict[str, Any], out: list[Delta]) -> None:
        """One chunk of the stream, or the whole answer where the endpoint does not stream."""
        model = payload.get("model")
        if model != self._model and type(model) is str and model:
            self._model = model
            out.append(ModelName(model))
        message = self._message
        choices = payload.get("choices")
        if type(choices) is list:
            self._has_choices = True
            for choice in choices:
                if type(choice) is not dict or choice.get("index"):  # a second choice is nobody's reply
                    continue
                delta = choice["delta"] if "delta" in choice else _whole(choice)
                if type(delta) is dict:
                    content = delta.get("content")
                    if len(delta) == 1 and type(content) is str and content.isascii() and not message.pairs.half:
                        if content:
                            out.append(content)
                    else:
                        out.extend(message.feed(delta))
                reason = choice.get("finish_reason")
                if type(reason) is str and reason:
                    self._read_reason(reason, choice, payload, out)
        usage = payload.get("usage")
        if type(usage) is dict:
            out.append(Usage(usage))
        if payload.get("error") or payload.get("object") == "error":
            raise _told(error_text(payload))
        if "x_groq" in payload and (words := error_text({"error": payload["x_groq"]})):  # why Groq stopped early
            raise _told(words)

    def _read_reason(self, reason: str, choice: dict[str, Any], payload: dict[str, Any], out: list[Delta]) -> None:
        self.finished = True
        if reason == "stop" and self._message.asked_for_a_tool:  # so some servers end a call that they did not expect
            reason = "tool_calls"
        out.append(FinishReason(reason))
        if not payload.get("error") and (reason == "error" or choice.get("error")):
            raise _told(error_text(choice.get("error")) or "error, and nothing more")

    def _read_unusual(self, event: str, data: str, out: list[Delta]) -> None:
        """An event that is no plain chunk: the end mark, an error, JSON with white space around it, or rubbish."""
        if data == "[DONE]":
            self._look_for_an_error_between()
            self.done = True
            return
        payload = _loads(data)
        if event == "error":
            raise _told(error_text(payload) or data)
        if isinstance(payload, dict):
            self._read(payload, out)
        elif payload is None and "\n" in data and all(map(_is_chunk, lines := data.split("\n"))):
            for line in lines:
                self._read_unusual(event, line.strip(), out)
        elif data and event == "message":
            raise AvaError(f"the endpoint sent something that is no chunk of a reply: {data[:80]}", "protocol")

    def _read_the_last(self, out: list[Delta]) -> None:
        """The end of a stream that had no end mark, or none with a blank line after it."""
        for event, data, _, _ in self._events.feed(b"\n\n\n"):  # one may be taken for the second half of a CRLF
            if event == "error" or all(map(_is_chunk, data.strip().split("\n"))):
                self._read_unusual(event, data.strip(), out)
        self._look_for_an_error_between()
        if self.done or self.finished:
            return
        first = next(iter(self._events.stray), "")
        if first and self._first is None and not any(name.startswith(first) for name in _FIELDS):
            raise AvaError(f"the answer is no reply; is the base URL right? It began: {first[:80]}", "protocol")
        if self._first is None:  # so llama-cpp-python answers where the engine fails
            why = "the server's log may say why; is the conversation too long for the model?"
            raise AvaError(f"the answer ended before its first word; {why}", "truncated")
        if not self._has_choices:
            raise _no_completion(self._first)
        raise AvaError("the reply was cut off before its end; ask again", "truncated")

    def _look_for_an_error_between(self) -> None:
        if not self._events.stray:
            return
        text = "\n".join(self._events.stray)
        payload = _loads(text)
        if isinstance(payload, list) and len(payload) == 1:
            payload = payload[0]
        if isinstance(payload, dict) and payload.get("error"):
            raise _told(error_text(payload))
        for line in self._events.stray:
            if line.startswith("error:"):
                words = line.removeprefix("error:").strip()
                raise _told(error_text(_loads(words)) or words)

    def _read_document(self, body: bytes, out: list[Delta]) -> None:
        text = body.decode("utf-8-sig", "replace").strip()
        payload = _loads(text)
        if isinstance(payload, list) and len(payload) == 1:  # Google's services wrap an error in a list
            payload = payload[0]
        if isinstance(payload, dict) and (
            payload.get("choices") or payload.get("error") or payload.get("object") == "error"
        ):
            self._read(payload, out)
            return
        if payload is None and '"choices"' in text[:_BEGINNING] and not text.endswith("}"):
            raise AvaError("the reply was cut off before its end; ask again", "truncated")
        raise _no_completion(text)


def _whole(choice: dict[str, Any]) -> Any:
    """The message of an answer in one piece; or a text alone, of a completion from before there were chats."""
    return choice["message"] if "message" in choice else {"content": choice.get("text")}


def _no_completion(text: str) -> AvaError:
    return AvaError(f"the answer is no chat completion; is the base URL right? It began: {text[:80]}", "protocol")


def _told(words: str) -> AvaError:
    """An error that the endpoint itself tells."""
    return AvaError(f"the endpoint says: {words or 'error'}", "api")


def _is_chunk(line: str) -> bool:
    return line.strip() == "[DONE]" or isinstance(_loads(line), dict)


def _loads(text: str) -> Any:
    """The value of a JSON text, ``None`` where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # ValueError: not JSON, or a number of more digits than int() takes
        return None


async def read_deltas(body: AsyncGenerator[bytes, None], key: Key | None = None) -> AsyncGenerator[Delta, None]:
    """The deltas of an answer's ``body``, which is closed in every case; no error shows ``key``."""
    decoder = ChunkDecoder()
    failure: Exception | None = None
    async with aclosing(body):
        try:
            while (chunk := await (_soon(body) if decoder.finished else anext(body, None))) is not None:
                for delta in decoder.feed(chunk):
                    yield delta
                if decoder.done:
                    break
            for delta in decoder.finish():
                yield delta
        except AvaError as error:
            failure = AvaError(without_keys(str(error), key), error.kind)
        except Exception as error:  # the body's own, whatever reads it: raised below, as it is
            if not decoder.finished:  # what breaks off after the end of a reply takes nothing from it
                failure = error.with_traceback(None)
        if failure is not None:  # raised out here, free of the frames that hold the answer's bytes
            chunk = b""  # this one too: a traceback shows the values of a frame
            raise_alone(failure)
        with suppress(Exception):  # the end of the body lets the connection be used again
            async with asyncio.timeout(_LAST_BYTES):
                async for _ in body:
                    pass


async def _soon(body: AsyncGenerator[bytes, None]) -> bytes | None:
    """The next chunk, ``None`` where none comes soon: a server may send no end mark and leave the connection open."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LAST_EVENTS):
            return await anext(body, None)
    return None
