"""Bytes to events, and bytes to deltas."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Protocol

from ava_magic.providers.chunks import ChunkDecoder
from ava_magic.sse import EventDecoder

from .table import Row
from .texts import Shape, cut, nulls, payloads, realistic, short, stream_of
from .timing import Comparison, compare, seconds_of, wanted

__all__ = ["decode", "delta"]

_EVENTS = 100_000
_ROUNDS = 11


class _Decoder(Protocol):
    def feed(self, chunk: bytes) -> Iterable[Any]: ...


def decode() -> Iterator[Row]:
    """bytes to events: EventDecoder against httpx-sse's decoders (promise: not slower)"""
    if wanted("httpx_sse._decoders") is None:
        yield Row("skipped: httpx-sse is not installed")
        return
    texts = payloads(_EVENTS)
    for name, newline in (("LF", "\n"), ("CRLF", "\r\n")):
        chunks = cut(stream_of(texts, newline))
        assert [event.data for event in _fed(EventDecoder(), chunks)] == list(_their_events(chunks)) == texts
        taken = compare(_ROUNDS, seconds_of(_decode, EventDecoder, chunks), seconds_of(_decode_theirs, chunks))
        yield _row(f"{_EVENTS:,} realistic events, {name}, 16 kB chunks", taken, 1.0)


def delta() -> Iterator[Row]:
    """bytes to deltas: ChunkDecoder against json.loads of the same payloads alone"""
    shapes: dict[str, Shape] = {"realistic": realistic, "short": short, "with nulls": nulls}
    for name, shape in shapes.items():
        texts = payloads(_EVENTS, shape)
        chunks = cut(stream_of(texts))
        contents = [json.loads(text)["choices"][0]["delta"]["content"] for text in texts]
        assert [delta for delta in _fed(ChunkDecoder(), chunks) if isinstance(delta, str)] == contents
        taken = compare(_ROUNDS, seconds_of(_decode, ChunkDecoder, chunks), seconds_of(_load, texts))
        yield _row(f"{_EVENTS:,} payloads, {name} ({len(texts[0])} characters)", taken, 1.3)


def _fed(decoder: _Decoder, chunks: list[bytes]) -> Iterator[Any]:
    return chain.from_iterable(map(decoder.feed, chunks))


def _their_events(chunks: list[bytes]) -> Iterator[str]:
    """The steps of ``httpx_sse.EventSource.iter_sse``, less the response around them."""
    from httpx_sse._decoders import SSEDecoder, SSELineDecoder

    utf8 = codecs.getincrementaldecoder("utf-8")("replace")
    lines = SSELineDecoder()
    events = SSEDecoder()
    for chunk in chunks:
        for line in lines.decode(utf8.decode(chunk)):
            event = events.decode(line.rstrip("\n"))
            if event is not None:
                yield event.data


def _decode(decoder: type[_Decoder], chunks: list[bytes]) -> None:
    for _ in _fed(decoder(), chunks):
        pass


def _decode_theirs(chunks: list[bytes]) -> None:
    for _ in _their_events(chunks):
        pass


def _load(texts: list[str]) -> None:
    for text in texts:
        json.loads(text)


def _row(what: str, taken: Comparison, most: float) -> Row:
    figures = f"{taken.ours * 1e3:.1f} ms", f"{taken.theirs * 1e3:.1f} ms", f"{taken.ratio:.2f}"
    return Row(what, *figures, f"<= {most}", taken.ratio <= most)
