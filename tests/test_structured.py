"""Data instead of prose: what is sent for it to a real socket, and what becomes of the answer."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass, make_dataclass
from pathlib import Path
from typing import Any

import pytest

from ava_magic import AvaError, Chat
from ava_magic.transport import close

from .endpoint import END, HANG_UP, Endpoint, Gate, chunk
from .person_requests import GOOD, RESPONSE_FORMAT, TOLD, whole


@dataclass
class Person:
    name: str
    age: int


@pytest.fixture
async def chat(endpoint: Endpoint) -> Any:
    yield Chat(base_url=endpoint.url, model="m", retries=0)
    await close()


def bodies(endpoint: Endpoint) -> list[Any]:
    return [request.json for request in endpoint.requests]


async def test_a_shape_goes_to_the_endpoint_and_its_data_come_back(chat: Chat, endpoint: Endpoint) -> None:
    endpoint.says(GOOD[:9], GOOD[9:])
    reply = await chat.ask("who?", schema=Person)
    assert reply.data == Person("Ada", 36)
    assert (reply.text, reply.format, reply.partial) == (GOOD, "json", False)
    assert bodies(endpoint) == [whole(TOLD, "who?", response_format=RESPONSE_FORMAT)]


async def test_json_without_a_shape_is_asked_for_in_words_alone(chat: Chat, endpoint: Endpoint) -> None:
    endpoint.says("Here: [1, 2].")
    reply = await chat.ask("two numbers", format="json", system="Be brief.")
    assert reply.data == [1, 2]
    assert bodies(endpoint) == [whole("Be brief.\n\nAnswer with one JSON value and nothing else.", "two numbers")]


@pytest.mark.parametrize(
    ("first", "sent_back", "problem"),
    [
        ('{"name": "Ada"}', '{"name": "Ada"}', "the object lacks age"),
        ("I do not know.", "I do not know.", "there is no JSON in it"),
        ("", "(nothing)", "there is no JSON in it"),
        ("<think>{}</think>no", "no", "there is no JSON in it"),
    ],
)
async def test_what_does_not_fit_is_sent_back_once(
    chat: Chat, endpoint: Endpoint, first: str, sent_back: str, problem: str
) -> None:
    endpoint.says(first)
    endpoint.says(f"```json\n{GOOD}\n```")
    reply = await chat.ask("who?", schema=Person)
    wish = f"That does not fit: {problem}. Answer again, with the whole JSON value and nothing else."
    assert bodies(endpoint) == [
        whole(TOLD, "who?", response_format=RESPONSE_FORMAT),
        whole(TOLD, "who?", sent_back, wish, response_format=RESPONSE_FORMAT),
    ]
    assert reply.data == Person("Ada", 36)
    assert reply.text == f"```json\n{GOOD}\n```"
    assert reply.footer().endswith(f"asked again, since {problem}")


async def test_the_conversation_keeps_the_question_and_the_last_answer(chat: Chat, endpoint: Endpoint) -> None:
    endpoint.says("no")
    endpoint.says(GOOD)
    await chat.ask("who?", schema=Person)
    endpoint.says("hello")
    await chat.ask("and now?")
    said = [("user", "who?"), ("assistant", GOOD), ("user", "and now?")]
    assert endpoint.requests[-1].messages == said


async def test_after_a_second_failure_there_is_one_line_and_no_data(chat: Chat, endpoint: Endpoint) -> None:
    endpoint.says("no")
    endpoint.says('{"name": "Ada", "age": "old"}')
    with pytest.raises(AvaError) as caught:
        await chat.ask("who?", schema=Person)
    error = caught.value
    assert error.kind == "protocol"
    assert "no Person, after a second try: age must be of the type integer, and is 'old'" in str(error)
    assert error.reply is not None
    assert (error.reply.data, error.reply.text) == (None, '{"name": "Ada", "age": "old"}')
    assert not error.reply.partial
    assert len(endpoint.requests) == 2
    assert len(chat.conversation) == 0


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": {"message": "'response_format' of type 'json_schema' is not supported with this model"}}),
        (422, {"detail": [{"loc": ["body", "response_format"], "msg": "Extra inputs are not permitted"}]}),
    ],
)
async def test_an_endpoint_that_refuses_response_format_is_asked_without(
    chat: Chat, endpoint: Endpoint, status: int, body: Any
) -> None:
    endpoint.answers(json.dumps(body).encode(), status=status, content_type="application/json")
    endpoint.says("no")
    endpoint.says(GOOD)
    assert (await chat.ask("who?", schema=Person)).data == Person("Ada", 36)
    assert [body.get("response_format") for body in bodies(endpoint)] == [RESPONSE_FORMAT, None, None]
    assert bodies(endpoint)[1] == whole(TOLD, "who?")


@pytest.mark.parametrize("status", [400, 401, 500])
async def test_another_refusal_is_final(chat: Chat, endpoint: Endpoint, status: int) -> None:
    words = "response_format" if status != 400 else "the context is too long"
    endpoint.answers(words.encode(), status=status, content_type="text/plain")
    with pytest.raises(AvaError):
        await chat.ask("who?", schema=Person)
    assert len(endpoint.requests) == 1


async def test_a_field_that_was_set_by_hand_stays(chat: Chat, endpoint: Endpoint) -> None:
    endpoint.says(GOOD)
    await chat.ask("who?", schema=Person, options={"response_format": {"type": "json_object"}})
    assert bodies(endpoint)[0]["response_format"] == {"type": "json_object"}


async def test_the_tokens_of_both_requests_are_counted(chat: Chat, endpoint: Endpoint) -> None:
    usage = b'data: {"choices": [], "usage": {"completion_tokens": 5, "prompt_tokens": 7, "details": {"a": 1}}}\n\n'
    endpoint.answers("no", usage, END)
    endpoint.answers(GOOD, usage, END)
    reply = await chat.ask("who?", schema=Person)
    assert reply.usage == {"completion_tokens": 10, "prompt_tokens": 14, "details": {"a": 1}}


async def test_thinking_is_told_apart_in_every_answer(chat: Chat, endpoint: Endpoint) -> None:
    endpoint.says("<think>an [0]</think>", "no")
    endpoint.says("<think>or {}", "</think>", "[1]")
    reply = await chat.ask("a list", format="json")
    assert (reply.data, reply.text, reply.reasoning) == ([1], "[1]", "an [0]or {}")


async def test_a_stop_before_the_second_answer_keeps_the_first(chat: Chat, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.says("the first")
    endpoint.says(gate)
    turn = chat.begin("a list", format="json")
    task = asyncio.create_task(chat.finish(turn))
    assert await asyncio.to_thread(gate.reached.wait, 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    reply = turn.reply()
    assert (reply.text, reply.partial, reply.data) == ("the first", True, None)
    assert await asyncio.to_thread(endpoint.requests[1].hung_up.wait, 5)


async def test_where_the_second_request_fails_the_first_answer_is_in_the_error(chat: Chat, endpoint: Endpoint) -> None:
    endpoint.says("the first")
    endpoint.answers(chunk("half"), HANG_UP)
    with pytest.raises(AvaError) as caught:
        await chat.ask("a list", format="json")
    assert caught.value.reply is not None
    assert caught.value.reply.partial
    assert caught.value.kind in ("truncated", "connection")
    endpoint.forget()
    endpoint.says("the first")
    endpoint.answers(status=500)
    with pytest.raises(AvaError) as caught:
        await chat.ask("a list", format="json")
    assert caught.value.reply is not None
    assert caught.value.reply.text == "the first"


async def test_a_provider_that_does_not_know_response_format_is_not_given_it() -> None:
    asked = []

    async def ask(model: str, messages: list[Any]) -> Any:
        asked.append(messages)
        yield GOOD

    reply = await Chat(provider=ask).ask("who?", schema=Person)
    assert reply.data == Person("Ada", 36)
    assert asked[0][0] == {"role": "system", "content": TOLD}


async def test_an_object_is_built_once(chat: Chat, endpoint: Endpoint) -> None:
    built: list[Any] = []
    kind = make_dataclass("Point", [("x", int)], namespace={"__post_init__": lambda self: built.append(self)})
    endpoint.says('{"x": 1}')
    reply = await chat.ask("where?", schema=kind)
    assert len(built) == 1
    assert built[0] is reply.data


async def test_a_schema_that_cannot_be_checked_is_said_not_to_be(
    chat: Chat, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    endpoint.says("[]")
    reply = await chat.ask("x", schema={"type": "object"})
    assert reply.data == []
    assert "not checked: jsonschema is not installed" in reply.footer()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"format": "poem"}, "markdown, text, code"),
        ({"format": "code", "schema": Person}, "for the format json"),
        ({"schema": 3}, "not int"),
        ({"options": {"model": "m"}}, "an option cannot set model"),
        ({"options": {"stop": ".", "messages": []}}, "an option cannot set messages"),
    ],
)
async def test_a_wrong_call_sends_nothing(chat: Chat, endpoint: Endpoint, changes: Any, says: str) -> None:
    with pytest.raises(AvaError) as caught:
        await chat.ask("x", **changes)
    assert caught.value.kind == "config"
    assert says in str(caught.value)
    assert not endpoint.requests


async def test_a_repair_is_recorded_and_replayed(chat: Chat, endpoint: Endpoint, tmp_path: Path) -> None:
    path = tmp_path / "cassette.jsonl"
    endpoint.says("no")
    endpoint.says(GOOD)
    recorded = await chat.ask("who?", schema=Person, record=path, history=False)
    replayed = await chat.ask("who?", schema=Person, record=path, replay=True, history=False)
    assert replayed.data == recorded.data == Person("Ada", 36)
    assert replayed.text == recorded.text
    assert len(endpoint.requests) == 2
