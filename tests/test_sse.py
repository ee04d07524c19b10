"""The event stream decoder: the standard's own cases and other projects', each in every cut."""

from __future__ import annotations

import base64
import json
import re
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_magic import AvaError
from ava_magic.sse import LONGEST, EventDecoder, ServerSentEvent

VECTORS = Path(__file__).parent / "vectors"
SHARED = Path(__file__).parents[2] / "shared" / "vectors"
CASES: list[dict[str, Any]] = json.loads((VECTORS / "sse_vectors.json").read_text("utf-8"))


class Outcome(NamedTuple):
    events: list[tuple[str, str, str]]
    retry: int | None


def decode(chunks: Iterable[bytes]) -> Outcome:
    decoder = EventDecoder()
    events = [event for chunk in chunks for event in decoder.feed(chunk)] + decoder.finish()
    return Outcome([(event.event, event.data, event.id) for event in events], decoder.retry)


def in_steps(stream: bytes, step: int) -> Iterator[bytes]:
    return (stream[start : start + step] for start in range(0, len(stream), step))


def chunks_of(case: dict[str, Any]) -> list[bytes]:
    return [base64.b64decode(chunk) for chunk in case["chunks"]]


def expected_of(case: dict[str, Any]) -> Outcome:
    events = [(event["event"], event["data"], event["id"]) for event in case["expect"]]
    return Outcome(events, case.get("retry"))


each_case = pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])


@each_case
def test_a_case_gives_its_events_as_it_was_cut(case: dict[str, Any]) -> None:
    assert decode(chunks_of(case)) == expected_of(case)


@each_case
def test_a_case_gives_its_events_whole(case: dict[str, Any]) -> None:
    assert decode([b"".join(chunks_of(case))]) == expected_of(case)


@each_case
@pytest.mark.parametrize("step", [1, 2, 3, 7])
def test_a_case_gives_its_events_in_steps(case: dict[str, Any], step: int) -> None:
    assert decode(in_steps(b"".join(chunks_of(case)), step)) == expected_of(case)


@each_case
def test_a_case_gives_its_events_when_it_is_cut_in_two_at_any_place(case: dict[str, Any]) -> None:
    stream = b"".join(chunks_of(case))
    expected = expected_of(case)
    for place in range(len(stream) + 1):
        assert decode([stream[:place], stream[place:]]) == expected, place


@pytest.mark.parametrize("name", ["README.md", "sse_vectors.json", "chat_vectors.json"])
@pytest.mark.skipif(not SHARED.is_dir(), reason="the originals are not beside this repository")
def test_the_vectors_here_are_the_shared_ones(name: str) -> None:
    assert (VECTORS / name).read_bytes() == (SHARED / name).read_bytes()


_FRAGMENTS = [
    *(b"data", b"event", b"id", b"retry", b"other", b":", b": ", b"data: x", b"data:", b" ", b"7", b"text"),
    *(b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n", b"\0", b"\xef\xbb\xbf", b"\xef", b"\xbb", b"\xbf"),
    *("\u00e9".encode(), "\u2028".encode(), "\U0001f600".encode(), b"\xf0\x9f", b"\x98", b"\xe2\x82", b"\xff", b"\x85"),
]
streams = st.lists(st.sampled_from(_FRAGMENTS) | st.binary(max_size=3), max_size=40).map(b"".join)


@st.composite
def cut_streams(draw: st.DrawFn) -> list[bytes]:
    stream = draw(streams)
    places = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    return [stream[start:end] for start, end in zip([0, *places], [*places, len(stream)], strict=True)]


def read_by_the_standard(stream: bytes) -> list[tuple[str, str, str]]:
    """Section 9.2.6 of the HTML standard, step by step, on a stream that is all there."""
    events = []
    data = event = last_id = ""
    lines = re.split("\r\n|\n|\r", stream.decode("utf-8", "replace").removeprefix("\ufeff"))
    for line in lines[:-1]:  # nothing ends the last one
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                events.append((event or "message", data.removesuffix("\n"), last_id))
            data = event = ""
        elif field == "data":
            data += value + "\n"
        elif field == "event":
            event = value
        elif field == "id" and "\0" not in value:
            last_id = value
    return events


@given(cut_streams())
def test_any_bytes_give_the_same_events_however_they_are_cut(chunks: list[bytes]) -> None:
    assert decode(chunks) == decode([b"".join(chunks)])


@given(streams)
def test_any_bytes_are_read_as_the_standard_reads_them(stream: bytes) -> None:
    assert decode([stream]).events == read_by_the_standard(stream)


@pytest.mark.parametrize("end", [b"\n\n", b"\r\r", b"\r\n\r"])
def test_an_event_comes_with_the_byte_that_ends_it(end: bytes) -> None:
    decoder = EventDecoder()
    assert decoder.feed(b"data: x" + end[:-1]) == []
    assert decoder.feed(end[-1:]) == [ServerSentEvent("message", "x", "", None)]


def test_a_retry_belongs_to_the_event_of_its_own_block() -> None:
    events = EventDecoder().feed(b"retry: 250\ndata: a\n\ndata: b\n\n")
    assert [(event.data, event.retry) for event in events] == [("a", 250), ("b", None)]


@pytest.mark.parametrize("value", ["", "1.5", "1e3", "0x10", "\u0663", "\u00b2", "9" * 5_000])
def test_a_retry_that_is_no_plausible_number_is_passed_over(value: str) -> None:
    decoder = EventDecoder()
    decoder.feed(f"retry: 20\n\nretry: {value}\n\n".encode())
    assert decoder.retry == 20


def test_an_id_that_holds_nul_is_passed_over() -> None:
    events = EventDecoder().feed(b"id: 1\ndata: a\nid: 2\0\n\nid: \0\ndata: b\n\n")
    assert [event.id for event in events] == ["1", "1"]


def test_a_block_that_nothing_closes_is_dropped() -> None:
    decoder = EventDecoder()
    assert decoder.feed(b"data: a\n") == []
    assert decoder.finish() == []


def test_a_chunk_of_a_long_line_takes_room_for_itself_alone() -> None:
    decoder = EventDecoder()
    decoder.feed(b"data: " + b"x" * 1_000_000)
    tracemalloc.start()
    try:
        decoder.feed(b"y" * 10)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000  # bytes; to join the line anew for each chunk would take a million
    (event,) = decoder.feed(b"\n\n")
    assert len(event.data) == 1_000_010


def test_an_event_is_bounded_and_a_stream_of_events_is_not() -> None:
    decoder = EventDecoder()
    line = b"data: " + b"x" * (LONGEST // 8) + b"\n"
    for _ in range(20):
        (event,) = decoder.feed(b"event: part\n" + line + b"\n")
        assert len(event.data) == LONGEST // 8
    lines = [line] * 20
    with pytest.raises(AvaError, match="passed 8,388,608 characters") as caught:
        list(map(decoder.feed, lines))
    assert caught.value.kind == "too_large"


@pytest.mark.parametrize("lines", [b"no field\n" * 20_000, b"x" * 200_000 + b"\n", b"\xc3\xa9: \n" * 40_000])
def test_of_lines_that_are_no_field_the_first_are_kept(lines: bytes) -> None:
    decoder = EventDecoder()
    assert decoder.feed(lines) == []
    kept = "\n".join(decoder.stray)
    assert 65_000 < len(kept) < 66_000
    assert lines.decode().startswith(kept)
