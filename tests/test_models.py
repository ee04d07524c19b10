"""The models of an endpoint: listed and filtered, and the nearest named where one is not there."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest

from ava_magic import AvaError, Chat, models, transport
from ava_magic.models import is_listed, nearest, page
from ava_magic.providers.guide import Guide

from .endpoint import Endpoint, Gate
from .kernel import Kernel

_NAMES = ["gpt-4o", "gpt-4o-mini", "gpt-5", "gpt-5-mini", "o3", "text-embedding-3-small", "deepseek/deepseek-chat"]
_JSON: dict[str, Any] = {"content_type": "application/json"}


def _list(*names: str) -> bytes:
    return json.dumps({"object": "list", "data": [{"id": name} for name in names]}).encode()


async def _fails(endpoint: Endpoint, model: str = "", **settings: Any) -> AvaError:
    with pytest.raises(AvaError) as caught:
        await Chat(base_url=endpoint.url, model=model, retries=0, **settings).ask("hi")
    await transport.close()
    assert "\n" not in str(caught.value)
    return caught.value


# What the services answer to a model that they do not have, as their users report it.
_NOT_THERE = {
    "OpenAI, Groq": (404, {"error": {"message": "The model `gpt-5o` does not exist or you do not have access to it."}}),
    "vLLM": (404, {"object": "error", "message": "The model `gpt-5o` does not exist.", "code": 404}),
    "Anthropic": (404, {"type": "error", "error": {"type": "not_found_error", "message": "model: gpt-5o"}}),
    "Google": (404, [{"error": {"code": 404, "message": "models/gpt-5o is not found for API version v1main"}}]),
    "Mistral": (400, {"object": "error", "message": "Invalid model: gpt-5o", "type": "invalid_model"}),
    "DeepSeek": (400, {"error": {"message": "Model Not Exist", "type": "invalid_request_error"}}),
    "OpenRouter": (400, {"error": {"message": "gpt-5o is not a valid model ID", "code": 400}}),
    "OpenRouter, none serves it": (404, {"error": {"message": "No endpoints found for gpt-5o.", "code": 404}}),
    "Together": (404, {"error": {"message": "Unable to access model gpt-5o.", "code": "model_not_available"}}),
    "Ollama": (404, {"error": {"message": 'model "gpt-5o" not found, try pulling it first'}}),
    "LiteLLM": (400, {"error": {"message": "Invalid model name passed in model=gpt-5o."}}),
    "Azure": (404, {"error": {"code": "DeploymentNotFound", "message": "The API deployment does not exist."}}),
    "a 404 with no words": (404, {}),
}


@pytest.mark.parametrize("service", _NOT_THERE)
async def test_a_model_that_is_not_there_is_answered_with_the_nearest(service: str, endpoint: Endpoint) -> None:
    status, body = _NOT_THERE[service]
    endpoint.answers(json.dumps(body).encode(), status=status, **_JSON)
    endpoint.answers(_list(*_NAMES), **_JSON)
    error = await _fails(endpoint, "gpt-5o")
    assert error.kind == "bad_request"
    assert str(error).endswith(
        "); there is no model gpt-5o; near: gpt-5, gpt-4o, gpt-5-mini (%ava --models lists all 7)"
    )


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": {"message": "you must provide a model parameter"}}),
        (400, {"error": {"message": "model is required", "type": "invalid_request_error"}}),
        (400, {"error": {"message": "No models provided", "code": 400}}),
        (422, {"detail": [{"type": "missing", "loc": ["body", "model"], "msg": "Field required"}]}),
        (
            400,
            {"object": "error", "message": "[{'type': 'missing', 'loc': ('body', 'model'), 'msg': 'Field required'}]"},
        ),
    ],
)
async def test_where_a_model_has_to_be_named_some_are(status: int, body: Any, endpoint: Endpoint) -> None:
    endpoint.answers(json.dumps(body).encode(), status=status, **_JSON)
    endpoint.answers(_list(*_NAMES), **_JSON)
    error = await _fails(endpoint)
    assert str(error).endswith("; name a model with -m, such as gpt-4o, gpt-4o-mini, gpt-5 (%ava --models lists all 7)")


@pytest.mark.parametrize(
    "words",
    [
        "This model's maximum context length is 8192 tokens",
        "Unsupported value: 'temperature'",
        "max_tokens is too large",
    ],
)
async def test_another_refusal_asks_for_no_list(words: str, endpoint: Endpoint) -> None:
    endpoint.answers(json.dumps({"error": {"message": words}}).encode(), status=400, **_JSON)
    assert "refused the request" in str(await _fails(endpoint, "gpt-5o"))
    assert len(endpoint.requests) == 1


async def test_a_listed_model_is_not_called_missing(endpoint: Endpoint) -> None:
    endpoint.answers(b'{"error": "no route"}', status=404, **_JSON)
    endpoint.answers(_list("models/gpt-5o"), **_JSON)
    assert "is the base URL right" in str(await _fails(endpoint, "gpt-5o"))


@pytest.mark.parametrize("answer", [b"<html>", b'{"data": 3}', b'{"data": []}'])
async def test_a_list_that_does_not_come_leaves_the_error_as_it_was(answer: bytes, endpoint: Endpoint) -> None:
    endpoint.answers(b'{"error": "model not found"}', status=404, **_JSON)
    endpoint.answers(answer, **_JSON)
    assert "model not found); is the base URL right, and the model's name?" in str(await _fails(endpoint, "gpt-5o"))


async def test_a_list_is_waited_for_only_so_long(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "_PATIENCE", 0.05)
    endpoint.answers(b'{"error": "model not found"}', status=404, **_JSON)
    endpoint.answers(Gate())
    assert "model not found" in str(await _fails(endpoint, "gpt-5o"))


async def test_the_endpoints_own_words_stay_whole(endpoint: Endpoint) -> None:
    endpoint.answers("half", b'data: {"error": {"message": "model zz not found; pull it first"}}\n\n')
    endpoint.answers(_list(*_NAMES), **_JSON)
    assert "model zz not found; pull it first; there is no model zz; there are: " in str(await _fails(endpoint, "zz"))


async def test_a_long_list_is_counted_to_its_end(endpoint: Endpoint) -> None:
    endpoint.answers(b'{"error": "model not found"}', status=404, **_JSON)
    endpoint.answers(_list(*(f"model-{number}" for number in range(6_000))), **_JSON)
    assert str(await _fails(endpoint, "zz")).endswith("(%ava --models lists all 6,000)")


async def test_what_had_come_stays_with_the_error_of_a_stream(endpoint: Endpoint) -> None:
    endpoint.answers("half", b'data: {"error": {"message": "model gpt-5o does not exist"}}\n\n')
    endpoint.answers(_list(*_NAMES), **_JSON)
    error = await _fails(endpoint, "gpt-5o")
    assert "model gpt-5o does not exist; there is no model gpt-5o; near: gpt-5, gpt-4o, gpt-5-mini (" in str(error)
    assert error.reply is not None
    assert error.reply.text == "half"


async def test_a_stop_is_heard_while_the_list_is_fetched(endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.answers(b'{"error": "model not found"}', status=404, **_JSON)
    endpoint.answers(gate)
    task = asyncio.ensure_future(Chat(base_url=endpoint.url, model="x", retries=0).ask("hi"))
    await asyncio.to_thread(gate.reached.wait, 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await transport.close()


@pytest.mark.parametrize(
    ("model", "near"),
    [
        ("gpt-4", ["gpt-4o", "gpt-4o-mini", "gpt-5"]),
        ("GPT-5", ["gpt-5", "gpt-5-mini", "gpt-4o"]),
        ("deepseek-chat", ["deepseek/deepseek-chat"]),
        ("deepseek-chta", ["deepseek/deepseek-chat"]),
        ("embedding", ["text-embedding-3-small"]),
        ("nothing like it", []),
    ],
)
def test_the_nearest_names(model: str, near: list[str]) -> None:
    assert nearest(model, _NAMES) == near


def test_a_name_counts_as_listed_by_the_services_own_ways_to_write_it() -> None:
    assert is_listed("gemini-x", ["models/gemini-x"])
    assert is_listed("llama3.2", ["llama3.2:latest"])
    assert not is_listed("llama3", ["llama3.2:latest"])


def _shown(text: str) -> list[str]:
    """The names on a page."""
    fenced = re.search(r"~~~text\n(.*)\n~~~", text, re.DOTALL)
    return fenced[1].split() if fenced else []


def test_a_page_has_all_names_in_columns_of_a_line_that_fits() -> None:
    names = [f"vendor/model-{number}" for number in range(400)]
    text = page(names, "", "host")
    assert text.startswith("400 models at host; ask one with `-m NAME`:")
    assert sorted(_shown(text)) == sorted(names)
    lines = text.splitlines()
    assert len(lines) < 110
    assert max(map(len, lines)) <= 96


def test_a_page_of_a_few_names_has_one_on_each_line() -> None:
    assert page(["b", "A"], "", "host").splitlines()[-3:] == ["A", "b", "~~~"]


@pytest.mark.parametrize(
    ("words", "found"),
    [("mini", ["gpt-4o-mini", "gpt-5-mini"]), ("GPT mini 5", ["gpt-5-mini"]), ("", sorted(_NAMES))],
)
def test_a_filter_keeps_the_names_with_all_its_words(words: str, found: list[str]) -> None:
    assert _shown(page(_NAMES, words, "host")) == found


def test_a_filter_that_finds_nothing_says_what_is_near() -> None:
    assert (
        page(_NAMES, "gtp-5", "host")
        == "No name among the 7 models at host has 'gtp-5' in it; near: `gpt-5`, `gpt-4o`, `gpt-5-mini`."
    )
    assert page(_NAMES, "zzz", "host") == "No name among the 7 models at host has 'zzz' in it."
    assert page([], "", "host") == "host has no model yet."


def test_a_name_cannot_break_out_of_the_list() -> None:
    text = page(["a\n~~~\n# title", "b\x1b[31m"], "", "host")
    assert len(re.findall("(?m)^~~~", text)) == 2
    assert "\x1b" not in text


@pytest.mark.parametrize(("status", "words"), [(404, "no route"), (405, "no route"), (200, "<html>")])
def test_an_endpoint_without_a_list_says_so(kernel: Kernel, endpoint: Endpoint, status: int, words: str) -> None:
    endpoint.answers(words.encode(), status=status, content_type="text/plain")
    cell = kernel.run(f"%ava --models --base-url {endpoint.url}")
    assert cell.status == "ok"
    assert "gives no list of models" in cell.outputs[-1]["data"]["text/plain"]


def test_a_list_that_the_key_does_not_open_is_an_error_that_says_what_to_try(
    kernel: Kernel, endpoint: Endpoint
) -> None:
    endpoint.answers(b'{"error": "x-api-key is required"}', status=401, **_JSON)
    error = kernel.run(f"%ava --models --base-url {endpoint.url}").error
    assert error.count(f"127.0.0.1:{endpoint.port}") == 1
    assert "(--check tells whether a question is refused, too)" in error


def test_the_list_is_shown_filtered_and_kept_out_of_the_conversation(kernel: Kernel, endpoint: Endpoint) -> None:
    endpoint.answers(_list(*_NAMES), **_JSON)
    cell = kernel.run(f"%ava --models mini --base-url {endpoint.url}")
    text = cell.outputs[-1]["data"]["text/plain"]
    assert f"2 of 7 models at 127.0.0.1:{endpoint.port} with 'mini'" in text
    assert "gpt-5-mini" in text
    assert "0 in the conversation" in kernel.run("%ava").stdout
    assert [request.path for request in endpoint.requests] == ["/v1/models"]


def test_the_guide_has_none(kernel: Kernel) -> None:
    text = kernel.run("%ava --models -p guide").outputs[-1]["data"]["text/plain"]
    assert text.startswith("guide has no list of models.")
    assert not hasattr(Guide, "list_models")
