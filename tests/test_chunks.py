"""What the bytes of a chat completion become: the recorded answers of many services, and what nobody recorded."""

from __future__ import annotations

import base64
import json
import tracemalloc
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_magic import AvaError
from ava_magic.connection import error_text
from ava_magic.providers.base import Delta, FinishReason, ModelName, Reasoning, Refusal, Usage
from ava_magic.providers.chunks import ChunkDecoder, read_deltas
from ava_magic.sse import LONGEST

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "vectors" / "chat_vectors.json").read_text("utf-8"))
ANSWERED = [vector for vector in VECTORS if vector["status"] == 200]
STOP = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'


@dataclass
class Outcome:
    """All that came of an answer, and the error that ended it."""

    deltas: list[Delta] = field(default_factory=list)
    error: AvaError | None = None

    @property
    def text(self) -> str:
        return "".join(delta for delta in self.deltas if isinstance(delta, str))

    @property
    def reasoning(self) -> str:
        return "".join(delta.text for delta in self.deltas if isinstance(delta, Reasoning))

    @property
    def refusal(self) -> str:
        return "".join(delta.text for delta in self.deltas if isinstance(delta, Refusal))

    @property
    def finish_reason(self) -> str | None:
        return next((delta.reason for delta in self.deltas if isinstance(delta, FinishReason)), None)

    @property
    def usage(self) -> dict[str, Any] | None:
        return next((dict(delta.counts) for delta in self.deltas if isinstance(delta, Usage)), None)

    @property
    def error_kind(self) -> str | None:
        return None if self.error is None else self.error.kind


def decode(chunks: Iterable[bytes]) -> Outcome:
    decoder = ChunkDecoder()
    outcome = Outcome()
    try:
        for chunk in chunks:
            for delta in decoder.feed(chunk):
                outcome.deltas.append(delta)  # one by one: what came before an error is kept
        for delta in decoder.finish():
            outcome.deltas.append(delta)
    except AvaError as error:
        outcome.error = error
    return outcome


def byte_by_byte(body: bytes) -> Iterator[bytes]:
    return (body[place : place + 1] for place in range(len(body)))


def stream(*payloads: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(payload).encode() + b"\n\n" for payload in payloads)


def delta(finish_reason: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish_reason}]}


@pytest.mark.parametrize("cut", [lambda body: [body], byte_by_byte], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("vector", ANSWERED, ids=[vector["name"] for vector in ANSWERED])
def test_a_recorded_answer_gives_what_its_case_says(
    vector: dict[str, Any], cut: Callable[[bytes], Iterable[bytes]]
) -> None:
    outcome = decode(cut(base64.b64decode(vector["body"])))
    expected = dict(vector["expect"])
    words = expected.pop("message_contains", "")
    assert {name: getattr(outcome, name) for name in expected} == expected
    assert words in str(outcome.error)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ("slow down", "slow down"),
        ("  slow down\n", "slow down"),
        ({"error": "slow down"}, "slow down"),
        ({"error": {"message": "slow down", "code": 429}}, "slow down"),
        ({"error": {"code": 429, "details": "slow down"}}, "slow down"),
        ({"message": "slow down"}, "slow down"),
        ({"detail": "slow down"}, "slow down"),
        ({"detail": [{"loc": ["body"], "msg": "field required"}, {"msg": "too long"}]}, "field required; too long"),
        ({"detail": [{"type": "missing", "loc": ["body", "model"], "msg": "Field required"}]}, "model: Field required"),
        ([{"error": {"message": "slow down"}}], "slow down"),
        ({"error": {"message": ""}, "detail": "slow down"}, "slow down"),
        ({"error": None, "message": None}, ""),
        (None, ""),
        (5, ""),
        (True, ""),
        ({}, ""),
        ([], ""),
        ("", ""),
        ({"error": {}, "code": 1}, ""),
    ],
)
def test_the_words_of_an_error_are_found_in_any_shape(payload: Any, words: str) -> None:
    assert error_text(payload) == words


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_is_told_apart_from_content_under_either_name(name: str) -> None:
    outcome = decode([stream(delta(**{name: "hm", "content": None}), delta(content="yes"), delta("stop"))])
    assert (outcome.reasoning, outcome.text, outcome.error) == ("hm", "yes", None)


def test_reasoning_under_both_names_is_taken_once() -> None:
    assert decode([stream(delta("stop", reasoning="hm", reasoning_content="hm"))]).reasoning == "hm"


def test_content_may_come_as_parts() -> None:
    parts = [{"type": "text", "text": "one "}, {"type": "image"}, "junk", {"type": "text", "text": "two"}]
    assert decode([stream(delta("stop", content=parts))]).text == "one two"


def test_the_model_is_named_when_it_is_new() -> None:
    body = stream(*({"model": name, **delta(content="x")} for name in ("a", "a", "b")), delta("stop"))
    assert [d for d in decode([body]).deltas if isinstance(d, ModelName)] == [ModelName("a"), ModelName("b")]


@pytest.mark.parametrize(
    "message",
    [{"content": "whole"}, {"content": [{"type": "text", "text": "whole"}]}, {"role": "assistant", "content": "whole"}],
)
@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b" \r\n\t"])
def test_an_answer_that_is_one_json_document_is_read_too(message: dict[str, Any], before: bytes) -> None:
    answer = {"model": "m", "choices": [{"message": message, "finish_reason": "stop"}], "usage": {"total_tokens": 3}}
    outcome = decode(byte_by_byte(before + json.dumps(answer, indent=1).encode()))
    assert (outcome.text, outcome.finish_reason, outcome.usage) == ("whole", "stop", {"total_tokens": 3})
    assert outcome.error is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": "nope"}',
        b'[{"error": {"message": "nope"}}]',
        b'{"object": "error", "message": "nope", "type": "BadRequestError"}',
        b'{"error": {"code": 17}}',
    ],
)
def test_an_error_told_in_a_json_document_is_the_endpoints_own(body: bytes) -> None:
    assert decode([body]).error_kind == "api"


@pytest.mark.parametrize("body", [b"<!doctype html>", b"\n <html>", b"\xef\xbb\xbf<html>"])
def test_a_web_page_is_known_by_its_first_character(body: bytes) -> None:
    decoder = ChunkDecoder()
    with pytest.raises(AvaError, match="web page") as caught:
        list(decoder.feed(body))
    assert caught.value.kind == "protocol"


# What each service writes in the middle of a stream when it can go on no longer; where two are given, it has changed.
_BROKEN_OFF = {
    "OpenAI": b'data: {"error":{"message":"nope","type":"server_error","param":null,"code":null}}\n\n',
    "OpenAI, as an event": b'event: error\ndata: {"error":{"message":"nope","type":"server_error"}}\n\n',
    "Anthropic": b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"nope"}}\n\n',
    "Anthropic, unnamed": b'data: {"type":"error","error":{"type":"overloaded_error","message":"nope"}}\n\n',
    "Google": b'data: {"error":{"code":503,"message":"nope","status":"UNAVAILABLE"}}\n\n',
    "Google, a bare document": b'{\n  "error": {\n    "code": 503,\n    "message": "nope",\n    "status": "X"\n}\n}\n',
    "Google, a bare list": b'[{\n  "error": {\n    "code": 503,\n    "message": "nope"\n  }\n}\n]\n',
    "Azure": b'data: {"error":{"code":"content_filter","message":"nope","param":null,"innererror":{"code":"x"}}}\n\n',
    "OpenRouter": b'data: {"id":"x","provider":"p","error":{"code":502,"message":"nope"},'
    b'"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}\n\n',
    "OpenRouter, in the choice": b'data: {"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error",'
    b'"error":{"code":502,"message":"nope"}}]}\n\ndata: [DONE]\n\n',
    "Groq": b'event: error\ndata: {"error":{"message":"nope","type":"invalid_request_error","status_code":400}}\n\n',
    "Groq, in its own field": b'data: {"choices":[],"x_groq":{"id":"x","error":"nope"}}\n\ndata: [DONE]\n\n',
    "Mistral": b'data: {"object":"error","message":"nope","type":"service_unavailable","code":"3505"}\n\n',
    "vLLM": b'data: {"error":{"message":"nope","type":"BadRequestError","param":null,"code":400}}\n\ndata: [DONE]\n\n',
    "vLLM, before 2025": b'data: {"object":"error","message":"nope","type":"X","param":null,"code":400}\n\n',
    "Ollama": b'data: {"error":{"message":"nope","type":"api_error","param":null,"code":null}}\n\n',
    "Ollama, a bare line": b'{"error":"nope"}\n',
    "llama.cpp": b'data: {"error":{"code":400,"message":"nope","type":"invalid_request_error"}}\n\n',
    "llama.cpp, before September 2025": b'error: {"code":400,"message":"nope","type":"x"}\n\ndata: [DONE]\n\n',
    "LiteLLM": b'data: {"error": {"message": "nope", "type": "None", "param": "None", "code": "500"}}\n\n',
    "FastAPI": b'data: {"detail":"nope","error":true}\n\n',
    "plain words": b"error: nope\n\n",
}


@pytest.mark.parametrize("cut", [lambda body: [body], byte_by_byte], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("service", _BROKEN_OFF)
def test_an_error_in_a_stream_is_told_in_the_services_words(
    service: str, cut: Callable[[bytes], Iterable[bytes]]
) -> None:
    outcome = decode(cut(stream(delta(content="half")) + _BROKEN_OFF[service]))
    assert (outcome.text, outcome.error_kind) == ("half", "api")
    assert str(outcome.error) == "the endpoint says: nope"


def test_an_end_by_error_is_no_end_even_without_a_word() -> None:
    outcome = decode([stream(delta(content="half"), delta("error")) + b"data: [DONE]\n\n"])
    assert (outcome.text, outcome.finish_reason, outcome.error_kind) == ("half", "error", "api")


@pytest.mark.parametrize("field", ["tool_calls", "function_call"])
def test_a_tool_that_nobody_offered_is_told_whatever_the_end_says(field: str) -> None:
    call: dict[str, Any] = {field: [{"index": 0, "function": {"name": "f", "arguments": "{}"}}], "content": None}
    assert decode([stream(delta(**call), delta("stop"))]).finish_reason == "tool_calls"
    assert decode([stream(delta(**call), delta("length"))]).finish_reason == "length"


def test_thinking_may_come_among_the_parts_of_content() -> None:
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "yes"}]
    outcome = decode([stream(delta("stop", content=parts))])
    assert (outcome.reasoning, outcome.text) == ("hm", "yes")


def test_the_usage_in_an_event_of_its_own_is_the_last_word() -> None:
    late = {"choices": [], "usage": {"completion_tokens": 2}}
    outcome = decode([stream(delta(content="a"), delta("stop"), late) + b"data: [DONE]\n\n"])
    assert (outcome.text, outcome.usage, outcome.error) == ("a", {"completion_tokens": 2}, None)


def test_a_message_beside_a_delta_is_not_said_twice() -> None:
    whole = {"choices": [{"index": 0, "delta": {}, "message": {"content": "ab"}, "finish_reason": "stop"}]}
    assert decode([stream(delta(content="a"), delta(content="b"), whole)]).text == "ab"


def test_the_text_of_a_completion_is_content() -> None:
    pieces = [{"choices": [{"index": 0, "text": text, "finish_reason": None}]} for text in ("old ", "words")]
    outcome = decode([stream(*pieces, {"choices": [{"text": "", "finish_reason": "stop"}]})])
    assert (outcome.text, outcome.finish_reason, outcome.error) == ("old words", "stop", None)
    assert decode([json.dumps({"choices": [{"text": "old words"}]}).encode()]).text == "old words"


@pytest.mark.parametrize(
    "end", [b"data: [DONE]", b"data:[DONE]", b"data: [DONE]\n", b"data: [DONE]\r", b"data:  [DONE] "]
)
def test_an_end_mark_needs_no_blank_line_after_it(end: bytes) -> None:
    outcome = decode([stream(delta(content="a")) + end])
    assert (outcome.text, outcome.error) == ("a", None)


def test_a_last_chunk_needs_no_blank_line_after_it() -> None:
    outcome = decode([stream(delta(content="a"), delta("stop", content="b")).rstrip()])
    assert (outcome.text, outcome.finish_reason, outcome.error) == ("ab", "stop", None)


# As one reads it line by line, which is how the service of the seed was read.
def test_chunks_need_no_blank_line_between_them() -> None:
    body = stream(delta(content="a"), delta(content="b")).replace(b"\n\n", b"\n") + b"data: [DONE]\n"
    for cut in ([body], byte_by_byte(body), [body + b"\n"]):
        outcome = decode(cut)
        assert (outcome.text, outcome.error) == ("ab", None)


@pytest.mark.parametrize("end", [b"data: [DONE", b'data: {"choices":[{"delta":{"content":"b', b"data: ", b"da"])
def test_half_a_last_line_is_a_cut(end: bytes) -> None:
    outcome = decode([stream(delta(content="a")) + end])
    assert (outcome.text, outcome.error_kind) == ("a", "truncated")
    assert str(outcome.error) == "the reply was cut off before its end; ask again"


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"", "truncated", "before its first word"),
        (b": ping\n\n: ping\n\n", "truncated", "before its first word"),
        (b"Welcome to the portal, please log in", "protocol", "It began: Welcome to the portal"),
        (b"da", "truncated", "before its first word"),
        (b'{"choices": [{"message": {"content": "a long ans', "truncated", "cut off"),
        (b'{"choi', "protocol", "no chat completion"),
        (b'event: delta\ndata: {"type": "delta", "text": "hi"}\n\n', "protocol", 'It began: {"type": "delta"'),
        (b'{"choices": [{"message": half}]}', "protocol", "no chat completion"),
    ],
)
def test_an_answer_without_a_word_says_what_it_was(body: bytes, kind: str, words: str) -> None:
    outcome = decode([body])
    assert outcome.error_kind == kind
    assert words in str(outcome.error)


def test_utf8_may_be_cut_anywhere() -> None:
    text = "Gr\u00fc\u00dfe \u2014 \u3053\u3093\u306b\u3061\u306f \U0001f642\U0001f469\u200d\U0001f4bb e\u0301"
    body = b"data: " + json.dumps(delta("stop", content=text), ensure_ascii=False).encode() + b"\n\n"
    for place in range(len(body)):
        assert decode([body[:place], body[place:]]).text == text


def test_an_event_that_does_not_end_is_given_up() -> None:
    outcome = decode(b"data: " + b"x" * 65_530 for _ in range(3 * LONGEST // 65_536))
    assert outcome.error_kind == "too_large"


def test_a_long_event_that_ends_is_read() -> None:
    text = "x" * (LONGEST // 2)
    body = stream(delta("stop", content=text))
    assert decode(body[start : start + 65_536] for start in range(0, len(body), 65_536)).text == text


def test_what_came_before_an_error_is_handed_over_first() -> None:
    outcome = decode([stream(delta(content="a"), delta(content="b"), {"error": {"message": "broke"}})])
    assert (outcome.text, outcome.error_kind) == ("ab", "api")


def test_nothing_is_read_after_the_end_mark() -> None:
    outcome = decode([stream(delta(content="a")) + b"data: [DONE]\n\n" + stream({"error": "late"}), b"data: junk\n\n"])
    assert (outcome.text, outcome.error) == ("a", None)


@pytest.mark.parametrize("junk", [None, True, 5, "x", [], ["x"], {}, {"x": 1}])
@pytest.mark.parametrize(
    "place",
    [
        lambda junk: junk if isinstance(junk, dict) else {"id": junk},
        lambda junk: {"choices": junk},
        lambda junk: {"choices": [junk]},
        lambda junk: {"choices": [{"delta": junk, "message": junk, "finish_reason": None}]},
        lambda junk: {"choices": [{"delta": {"content": {"text": junk}, "reasoning": [junk], "refusal": {}}}]},
        lambda junk: {"choices": [{"delta": {"content": [junk, {"text": None}]}}]},
        lambda junk: {"choices": [], "model": [junk], "usage": [junk]},
    ],
    ids=["payload", "choices", "choice", "delta", "fields", "parts", "model and usage"],
)
def test_a_chunk_that_is_not_as_it_should_be_is_passed_over(place: Callable[[Any], Any], junk: Any) -> None:
    assert decode([stream(place(junk), delta("stop", content="a"))]) == decode([stream(delta("stop", content="a"))])


def test_an_event_of_a_foreign_type_is_passed_over() -> None:
    assert decode([b"event: ping\ndata: not json\n\n" + stream(delta("stop", content="a"))]).text == "a"


# Some services put "finish_reason": "" into every chunk.
def test_an_empty_finish_reason_is_no_end() -> None:
    outcome = decode([stream(delta("", content="a"))])
    assert (outcome.finish_reason, outcome.error_kind) == (None, "truncated")


@pytest.mark.parametrize("half", ["\ud83d", "\ude00"], ids=["first", "second"])  # noqa: PT014 - they are two
def test_half_a_surrogate_pair_becomes_a_replacement_character(half: str) -> None:
    assert decode([stream(delta(content=f"a{half}"), delta(content="b"), delta("stop"))]).text == "a\ufffdb"
    assert decode([stream(delta("stop", content=f"a{half}"))]).text == "a\ufffd"


# The json module reads nesting deeper than a Python function that calls itself can follow.
@pytest.mark.parametrize("depth", [100, 400, 600, 900, 5_000, 100_000])
@pytest.mark.parametrize("frame", [b"%b", b"data: %b\n\n"], ids=["document", "stream"])
def test_an_error_nested_however_deep_is_still_an_error(depth: int, frame: bytes) -> None:
    assert decode([frame % (b'{"error":' + b"[" * depth + b"1" + b"]" * depth + b"}")]).error is not None


_RECORDED = [base64.b64decode(vector["body"]) for vector in ANSWERED if len(vector["body"]) < 2_000]
_SPLINTERS = [
    *(b"null", b"[]", b"{}", b'""', b"0", b"-1", b"1e999", b"true", b'"', b",", b":", b"[", b"]", b"{", b"}", b"\\"),
    *(b"\n", b"\r", b"\n\n", b"data: ", b"event: error\n", b"[DONE]", b"\0", b"\xff", b'"error":', b"\\ud83d", b"<"),
]
edits = st.tuples(
    st.floats(0, 1), st.integers(0, 12), st.sampled_from(_SPLINTERS) | st.binary(max_size=4)
)  # where, how many bytes go, what comes in their place


@given(st.sampled_from(_RECORDED), st.lists(edits, min_size=1, max_size=6), st.integers(1, 50))
def test_a_damaged_answer_is_an_ava_error_or_a_reply_and_never_another_error(
    body: bytes, damage: list[tuple[float, int, bytes]], step: int
) -> None:
    for where, gone, splinter in damage:
        place = int(where * len(body))
        body = body[:place] + splinter + body[place + gone :]
    outcome = decode(body[start : start + step] for start in range(0, len(body), step))
    (outcome.text + outcome.reasoning + outcome.refusal).encode()  # no half of a surrogate pair is among them


_NAMES = [
    *("choices", "delta", "message", "content", "index", "finish_reason", "usage", "error", "model", "object", "type"),
    *("text", "refusal", "reasoning", "reasoning_content", "detail", "msg"),
]
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "a", "error", "stop", "\ud83d", "\ude00"]),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), values, max_size=5),
    max_leaves=25,
)
shapes = st.builds(
    lambda choice, rest: {**rest, "choices": [choice]},
    st.fixed_dictionaries({"delta": st.dictionaries(st.sampled_from(_NAMES), json_values, max_size=4)}),
    st.dictionaries(st.sampled_from(_NAMES), json_values, max_size=3),
)


@given(st.lists(shapes | json_values, min_size=1, max_size=4))
def test_json_of_any_shape_is_an_ava_error_or_a_reply_and_never_another_error(payloads: list[Any]) -> None:
    outcome = decode([stream(*payloads)])
    (outcome.text + outcome.reasoning + outcome.refusal).encode()
    decode([json.dumps(payloads[0]).encode()])


def test_a_chunk_of_a_long_document_takes_room_for_itself_alone() -> None:
    decoder = ChunkDecoder()
    list(decoder.feed(b'{"choices": "' + b"x" * 1_000_000))
    tracemalloc.start()
    try:
        list(decoder.feed(b"y" * 10))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000  # bytes


async def _answer(pieces: list[bytes], closed: list[str]) -> AsyncGenerator[bytes, None]:
    try:
        for piece in pieces:
            yield piece
    finally:
        closed.append("closed")


@pytest.mark.parametrize(
    ("pieces", "is_error"),
    [
        ([stream(delta(content="a")), STOP], False),
        ([stream(delta(content="a")), b"data: [DONE]\n\n", b"never read"], False),
        ([stream(delta(content="a")), stream({"error": "broke"}), b"never read"], True),
        ([stream(delta(content="a"))], True),
    ],
    ids=["to its end", "to the end mark", "an error", "cut off"],
)
async def test_the_body_is_closed_however_the_reading_ends(pieces: list[bytes], is_error: bool) -> None:
    closed: list[str] = []
    came: list[Delta] = []
    try:
        async for each in read_deltas(_answer(pieces, closed)):
            came.append(each)  # noqa: PERF401  # what came before an error stays
    except AvaError:
        assert is_error
    else:
        assert not is_error
    assert came[0] == "a"
    assert closed == ["closed"]


@pytest.mark.parametrize("last", [stream(delta("stop")), b"data: [DONE]\n\n"], ids=["a finish reason", "the end mark"])
@pytest.mark.parametrize("error", [ConnectionError("gone"), TimeoutError("silent"), OSError("broken")])
async def test_what_breaks_after_the_end_of_a_reply_takes_nothing_from_it(last: bytes, error: Exception) -> None:
    async def breaks() -> AsyncGenerator[bytes, None]:
        yield stream(delta(content="whole")) + last
        raise error

    assert [each async for each in read_deltas(breaks()) if isinstance(each, str)] == ["whole"]


async def test_what_breaks_before_the_end_of_a_reply_is_raised() -> None:
    async def breaks() -> AsyncGenerator[bytes, None]:
        yield stream(delta(content="half"))
        raise ConnectionError("gone")

    deltas = read_deltas(breaks())
    assert await anext(deltas) == "half"
    with pytest.raises(ConnectionError):
        await anext(deltas)


async def test_the_body_is_closed_when_the_reader_leaves() -> None:
    closed: list[str] = []
    async with aclosing(read_deltas(_answer([stream(delta(content="a")), STOP], closed))) as deltas:
        assert await anext(deltas) == "a"
    assert closed == ["closed"]
