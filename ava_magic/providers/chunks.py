"""``chat.completion.chunk``: the bytes of an answer in, deltas out.

Pure.  It serves every provider that speaks OpenAI's stream.  It is lenient where services differ (labels, empty or
missing ``choices``, ``null`` deltas, content as parts) and strict where a reply could be lost: an answer that stops
before its end is an error, and so is an error told inside the stream.

The first byte that is no white space decides how the body is read, whatever its label says: ``{`` begins one JSON
document (some servers ignore ``stream: true``), ``<`` a web page, anything else an event stream.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, suppress
from json.scanner import make_scanner
from typing import Any

from ..connection import Key, error_text, without_keys
from ..errors import AvaError
from ..sse import EventDecoder
from .base import Delta, FinishReason, ModelName, Reasoning, Refusal, Usage

__all__ = ["ChunkDecoder", "read_deltas"]

# json.loads less its checks: a quarter less time on a small text.  The stubs give make_scanner a wrong argument.
_scan = make_scanner(json.JSONDecoder())  # type: ignore[arg-type]
_LAST_BYTES = 0.1  # seconds to wait for the end of a body after the end mark in it
_SURROGATE = re.compile("[\ud800-\udfff]")


class ChunkDecoder:
    """An incremental parser: :meth:`feed` it the body in any cut, then :meth:`finish`.

    Both yield deltas and raise :class:`AvaError` (``api``, ``protocol``, ``truncated``) where the stream goes wrong,
    after the deltas that came before.  ``done`` is true once nothing more is to come.
    """

    def __init__(self) -> None:
        self.done = False
        self._events = EventDecoder()
        self._document: list[bytes] | None = None
        self._sniffed = False
        self._finished = False
        self._high_surrogate = ""
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
            for event, data, _, _ in self._events.feed(chunk):
                if self.done:
                    break
                try:
                    payload, end = _scan(data, 0)
                except (StopIteration, ValueError, RecursionError):
                    end = -1
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
            elif not (self.done or self._finished):
                raise AvaError("the reply was cut off before its end; ask again", "truncated")
            self.done = True
        finally:
            if self._high_surrogate:
                out.append("\ufffd")
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
        choices = payload.get("choices")
        if type(choices) is list:
            for choice in choices:
                if type(choice) is not dict or choice.get("index"):  # a second choice is nobody's reply
                    continue
                delta = choice.get("delta") or choice.get("message")
                if type(delta) is dict:
                    content = delta.get("content")
                    if len(delta) == 1 and type(content) is str and content.isascii() and not self._high_surrogate:
                        if content:
                            out.append(content)
                    else:
                        self._read_delta(delta, out)
                reason = choice.get("finish_reason")
                if type(reason) is str and reason:
                    self._finished = True
                    out.append(FinishReason(reason))
        usage = payload.get("usage")
        if type(usage) is dict:
            out.append(Usage(usage))
        if payload.get("error") or payload.get("object") == "error":
            raise AvaError(f"the endpoint says: {error_text(payload) or 'error'}", "api")

    def _read_delta(self, delta: dict[str, Any], out: list[Delta]) -> None:
        for name in ("reasoning_content", "reasoning"):  # DeepSeek's and vLLM's name, OpenRouter's and Ollama's name
            if type(text := delta.get(name)) is str and text:
                out.append(Reasoning(_SURROGATE.sub("\ufffd", text)))
                break
        if type(text := delta.get("refusal")) is str and text:
            out.append(Refusal(_SURROGATE.sub("\ufffd", text)))
        content = delta.get("content")
        if type(content) is list:
            content = "".join(part["text"] for part in content if type(part) is dict and type(part.get("text")) is str)
        if type(content) is str and (content := self._join_pairs(content)):
            out.append(content)

    def _join_pairs(self, content: str) -> str:
        """Content without surrogates: a pair cut in two by the endpoint is joined, a lone half becomes U+FFFD."""
        if not (self._high_surrogate or _SURROGATE.search(content)):
            return content
        content = self._high_surrogate + content
        self._high_surrogate = ""
        if content and "\ud800" <= content[-1] <= "\udbff":
            self._high_surrogate = content[-1]
            content = content[:-1]
        return content.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def _read_unusual(self, event: str, data: str, out: list[Delta]) -> None:
        """An event that is no plain chunk: the end mark, an error, JSON with white space around it, or rubbish."""
        if data == "[DONE]":
            self.done = True
            return
        payload = _loads(data)
        if event == "error":
            raise AvaError(f"the endpoint says: {error_text(payload) or data or 'error'}", "api")
        if isinstance(payload, dict):
            self._read(payload, out)
        elif data and event == "message":
            raise AvaError(f"the endpoint sent something that is no chunk of a reply: {data[:80]}", "protocol")

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
        raise AvaError(f"the answer is no chat completion; is the base URL right? It began: {text[:80]}", "protocol")


def _loads(text: str) -> Any:
    """The value of a JSON text, ``None`` where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # ValueError: not JSON, or a number of more digits than int() takes
        return None


async def read_deltas(body: AsyncGenerator[bytes, None], key: Key | None = None) -> AsyncGenerator[Delta, None]:
    """The deltas of an answer's ``body``, which is closed in every case; no error shows ``key``."""
    decoder = ChunkDecoder()
    async with aclosing(body):
        try:
            async for chunk in body:
                for delta in decoder.feed(chunk):
                    yield delta
                if decoder.done:
                    break
            for delta in decoder.finish():
                yield delta
            with suppress(TimeoutError):  # the end of the body lets the connection be used again
                async with asyncio.timeout(_LAST_BYTES):
                    async for _ in body:
                        pass
        except AvaError as error:
            raise AvaError(without_keys(str(error), key), error.kind) from None
