"""Chat completions as the server writes them: envelopes of answers and errors, requests that are read."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from ava_magic.chat_completions import Answer, ServiceError, models, read_body
from ava_magic.providers.base import FinishReason, ModelName, Reasoning, Refusal, Usage

QUESTION = {"role": "user", "content": "hi"}


@pytest.mark.parametrize(
    ("delta", "added"),
    [
        ("word", {"content": "word"}),
        (" ", {"content": " "}),
        (Reasoning("thought"), {"reasoning_content": "thought"}),
        (Refusal("no"), {"refusal": "no"}),
        ("", {}),
        (Reasoning(""), {}),
        (Refusal(""), {}),
        (object(), {}),
    ],
)
def test_a_delta_adds_its_text_to_the_field_of_its_kind(delta: object, added: dict[str, str]) -> None:
    answer = Answer("m")
    assert answer.take(delta) == added
    assert (answer.model, answer.finish_reason, answer.usage) == ("m", "stop", None)


def test_what_is_no_text_is_kept_for_the_envelope() -> None:
    answer = Answer("m")
    assert [answer.take(delta) for delta in (Usage({"total_tokens": 3}), FinishReason("length"), ModelName("n"))] == [
        {},
        {},
        {},
    ]
    whole = answer.whole({"content": ["a", "b"]})
    assert (whole["model"], whole["usage"]) == ("n", {"total_tokens": 3})
    assert whole["choices"][0]["finish_reason"] == "length"


def test_every_chunk_of_an_answer_has_its_number_and_its_time() -> None:
    before = int(time.time())
    answer, other = Answer("m"), Answer("m")
    first, last = answer.chunk({"content": "a"}), answer.chunk({}, "stop")
    assert first == {
        "id": first["id"],
        "object": "chat.completion.chunk",
        "created": first["created"],
        "model": "m",
        "choices": ({"index": 0, "delta": {"content": "a"}, "finish_reason": None},),
    }
    assert last["choices"] == ({"index": 0, "delta": {}, "finish_reason": "stop"},)
    assert (last["id"], last["created"]) == (first["id"], first["created"])
    assert first["id"] != other.chunk({})["id"]
    assert first["id"].startswith("chatcmpl-")
    assert before <= first["created"] <= time.time()


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({}, {"content": ""}),
        ({"content": ["a", "b"]}, {"content": "ab"}),
        ({"refusal": ["no", "t"]}, {"content": None, "refusal": "not"}),
        ({"reasoning_content": ["why"], "content": ["a"]}, {"content": "a", "reasoning_content": "why"}),
    ],
)
def test_a_whole_answer_joins_the_pieces_of_each_field(texts: dict[str, list[str]], message: dict[str, Any]) -> None:
    whole = Answer("m").whole(texts)
    assert whole["object"] == "chat.completion"
    assert whole["choices"] == ({"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"},)
    assert "usage" not in whole


def test_the_one_model_is_listed_or_given_alone_and_no_other() -> None:
    model = {"id": "m", "object": "model", "created": 0, "owned_by": "guide"}
    assert models("m", "guide") == {"object": "list", "data": [model]}
    assert models("m", "guide", "m") == model
    with pytest.raises(ServiceError, match=r"^the model x is not listed here; m is$") as caught:
        models("m", "guide", "x")
    assert (caught.value.status, caught.value.body["error"]["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "invalid_request_error"),
        (429, "rate_limit_error"),
        (499, "invalid_request_error"),
        (500, "server_error"),
        (503, "server_error"),
    ],
)
def test_an_error_has_the_type_that_its_status_has_at_openai(status: int, kind: str) -> None:
    error = ServiceError(status, "why", "code", {"Retry-After": "1"})
    assert error.body == {"error": {"message": "why", "type": kind, "code": "code"}}
    assert (str(error), error.status, error.headers) == ("why", status, {"Retry-After": "1"})
    assert ServiceError(status, "why", "code").headers is None


@pytest.mark.parametrize(
    "messages",
    [
        [QUESTION],
        [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
        [QUESTION, {"role": "assistant", "tool_calls": []}, {"role": "assistant", "content": None}],
    ],
)
def test_a_sound_request_is_read_as_it_is(messages: list[Any]) -> None:
    body = {"messages": messages, "model": "m", "stream": True, "stream_options": {}, "top_k": 3}
    assert read_body(json.dumps(body).encode()) == body
    assert read_body(json.dumps({"messages": messages, "model": None}).encode())["model"] is None


@pytest.mark.parametrize("raw", [b"", b"{", b"[1]", b'"hi"', b"\xff", b"[" * 100_000, b"null"])
def test_a_body_that_is_no_object_is_refused(raw: bytes) -> None:
    with pytest.raises(ServiceError, match=r"^the body must be a JSON object$") as caught:
        read_body(raw)
    assert (caught.value.status, caught.value.body["error"]["code"]) == (400, "invalid_json")


@pytest.mark.parametrize(
    "messages",
    [
        None,
        [],
        {},
        "hi",
        ["hi"],
        [QUESTION, None],
        [{"content": "hi"}],
        [{"role": 1, "content": "hi"}],
        [{"role": "user"}],
        [{"role": "user", "content": None}],
        [{"role": "user", "content": 1}],
        [{"role": "assistant", "content": {}}],
    ],
)
def test_messages_without_a_role_or_a_content_are_refused(messages: Any) -> None:
    with pytest.raises(ServiceError, match=r"^messages must be a list of objects, each with a role and a") as caught:
        read_body(json.dumps({"messages": messages}).encode())
    assert (caught.value.status, caught.value.body["error"]["code"]) == (400, "invalid_messages")


@pytest.mark.parametrize(
    ("field", "value", "kind"), [("model", 1, "str"), ("stream", "yes", "bool"), ("stream_options", [], "dict")]
)
def test_a_field_of_another_type_is_refused_by_its_name(field: str, value: Any, kind: str) -> None:
    with pytest.raises(ServiceError, match=f"^{field} must be of type {kind}$") as caught:
        read_body(json.dumps({"messages": [QUESTION], field: value}).encode())
    assert (caught.value.status, caught.value.body["error"]["code"]) == (400, f"invalid_{field}")
