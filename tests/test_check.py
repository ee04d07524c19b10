"""``--check``: step by step, each line as it is done, and at the first thing that is wrong what to do."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import Any

import pytest
import trustme

from ava_magic import transport
from ava_magic.check import check
from ava_magic.connection import Connection, Key
from ava_magic.failures import explain
from ava_magic.providers.base import Reasoning
from ava_magic.providers.endpoint import Endpoint as Chosen
from ava_magic.providers.presets import resolve

from .endpoint import END, Endpoint, Gate, chunk
from .kernel import Kernel
from .ports import nobody_listens

_LIST = json.dumps({"data": [{"id": "small"}, {"id": "large"}]}).encode()
_JSON: dict[str, Any] = {"content_type": "application/json"}


def _refusal(words: str) -> bytes:
    return json.dumps({"error": {"message": words}}).encode()


async def _lines(endpoint: Chosen, model: str = "", **fields: Any) -> list[str]:
    text = "".join([str(piece) async for piece in check(endpoint)(model, [], **fields)])
    await transport.close()
    return [line.removeprefix("- ") for line in text.splitlines() if line]


def _at(endpoint: Endpoint, key: Key | None = None) -> Chosen:
    return resolve("auto", Connection(endpoint.url, key, retries=0))


async def test_all_is_well_and_one_token_was_asked_for(endpoint: Endpoint) -> None:
    endpoint.answers(_LIST, **_JSON)
    endpoint.says("Hello")
    lines = await _lines(_at(endpoint, Key(secrets.token_hex(16), "A_KEY")), "small", max_tokens=500, temperature=0.0)
    assert lines[0] == f"✓ **endpoint**: openai-compatible (base_url is set) at {endpoint.url}"
    assert lines[1].startswith(f"✓ **connection**: port {endpoint.port}, in ")
    assert lines[2] == "✓ **key**: A_KEY is sent along"
    assert lines[3] == "✓ **models**: 2 in the list, small among them"
    assert re.fullmatch(r"✓ \*\*one token\*\*: after \d+\.\d s from scripted", lines[4])
    assert lines[5:] == ["All is well."]
    assert [(request.method, request.path) for request in endpoint.requests] == [
        ("GET", "/v1/models"),
        ("POST", "/v1/chat/completions"),
    ]
    asked = endpoint.requests[1].json
    assert (asked["model"], asked["max_tokens"], asked["temperature"]) == ("small", 1, 0.0)


async def test_a_model_that_wants_the_limit_by_its_other_name_gets_it(endpoint: Endpoint) -> None:
    endpoint.answers(_LIST, **_JSON)
    endpoint.answers(_refusal("Unsupported parameter: use 'max_completion_tokens' instead"), status=400, **_JSON)
    endpoint.says("Hello")
    assert (await _lines(_at(endpoint), "small"))[-1] == "All is well."
    assert endpoint.requests[2].json.keys() & {"max_tokens", "max_completion_tokens"} == {"max_completion_tokens"}


async def test_it_hangs_up_at_the_first_word_of_an_endpoint_that_knows_no_limit(endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.answers(_LIST, **_JSON)
    endpoint.says("Hello", gate, "never read")
    assert (await _lines(_at(endpoint)))[-1] == "All is well."
    assert await asyncio.to_thread(endpoint.requests[1].hung_up.wait, 20)


@pytest.mark.parametrize(
    ("at", "last", "advice"),
    [
        (
            lambda: nullcontext("https://no.such.host.invalid/v1"),
            "✗ **name**: no such host is known;",
            "is the host in the URL right",
        ),
        (nobody_listens, "✗ **connection**: nothing takes a connection at port", "is the server running"),
    ],
    ids=["no host", "no server"],
)
async def test_it_stops_at_what_cannot_be_reached(
    at: Callable[[], AbstractContextManager[str]], last: str, advice: str
) -> None:
    with at() as url:
        lines = await _lines(resolve("auto", Connection(url)))
    assert lines[-1].startswith(last)
    assert advice in lines[-1]
    assert [line[0] for line in lines[:-1]] == ["✓"] * (len(lines) - 1)


async def test_a_name_is_looked_up_as_a_question_looks_it_up(endpoint: Endpoint) -> None:
    endpoint.answers(_LIST, **_JSON)
    endpoint.says("Hello")
    lines = await _lines(resolve("auto", Connection(f"http://ava.localhost:{endpoint.port}/v1", retries=0)))
    assert lines[1] == "✓ **name**: ava.localhost is 127.0.0.1 and ::1"
    assert lines[2].startswith(f"✓ **connection**: port {endpoint.port}, in ")
    assert lines[-1] == "All is well."


async def _serve(context: ssl.SSLContext | None) -> tuple[asyncio.Server, int]:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    return server, server.sockets[0].getsockname()[1]


async def _end(server: asyncio.Server) -> None:
    """Close it, and see its connections out: one hung up in mid-handshake ends a little later."""
    server.close()
    if ends := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(ends, timeout=20)


async def test_it_stops_at_a_certificate_that_is_not_trusted() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    server, port = await _serve(context)
    lines = await _lines(resolve("auto", Connection(f"https://127.0.0.1:{port}/v1")))
    await _end(server)
    assert lines[-1].startswith("✗ **TLS**: the server's certificate is not trusted here (")
    assert "SSL_CERT_FILE" in lines[-1]


async def test_a_certificate_is_checked_for_the_name_in_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("ava.localhost").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    monkeypatch.setattr(ssl, "create_default_context", lambda: trusting)
    server, port = await _serve(context)
    good = await _lines(resolve("auto", Connection(f"https://ava.localhost:{port}/v1", retries=0)))
    other = await _lines(resolve("auto", Connection(f"https://localhost:{port}/v1", retries=0)))
    await _end(server)
    assert good[3].endswith(", and the certificate is valid")
    assert other[-1].startswith("✗ **TLS**: the server's certificate is for another name")


async def test_it_stops_where_nothing_answers_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as silent, socket.socket() as waiting, socket.socket() as full:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting.connect(full.getsockname())  # a queue that is full leaves whoever comes next waiting
        steps = check(resolve("auto", Connection(f"https://127.0.0.1:{silent.getsockname()[1]}/v1")))("", [])
        connected = [await anext(steps) for _ in range(2)]
        monkeypatch.setattr("ava_magic.check._PATIENCE", 0.2)  # from now on: so far all has answered
        no_tls = [str(piece) async for piece in steps]
        no_port = await _lines(resolve("auto", Connection(f"http://127.0.0.1:{full.getsockname()[1]}/v1")))
    assert "✓ **connection**: port" in str(connected[-1])
    assert no_tls[-1].startswith("- ✗ **TLS**: it was not agreed on within 0 s; does the server speak https?")
    assert no_port[-1].startswith(f"✗ **connection**: port {no_port[-1].split()[3]} did not answer within 0 s;")


async def test_it_stops_where_there_is_no_tls() -> None:
    server, port = await _serve(None)
    lines = await _lines(resolve("auto", Connection(f"https://127.0.0.1:{port}/v1")))
    await _end(server)
    assert lines[-1] == "✗ **TLS**: there is none; does the server speak https, or is it http?"


async def test_a_refused_key_is_told_as_that_and_no_further_step_is_made(endpoint: Endpoint) -> None:
    key = secrets.token_hex(16)
    endpoint.answers(_refusal(f"Incorrect API key provided: {key}"), status=401, **_JSON)
    lines = await _lines(_at(endpoint, Key(key, "A_KEY")))
    assert lines[-2].startswith("· **models**: there is no list to be had: ")
    assert lines[-1].startswith("✗ **key**: ")
    assert "set AVA_API_KEY to a valid key, or type one in after %ava --key" in lines[-1]
    assert key not in "".join(lines)


async def test_a_key_that_may_not_see_the_list_may_be_good_for_questions(endpoint: Endpoint) -> None:
    endpoint.answers(_refusal("Missing scopes: api.model.read"), status=403, **_JSON)
    endpoint.says("Hello")
    lines = await _lines(_at(endpoint, Key(secrets.token_hex(16))))
    assert lines[-3].startswith("· **models**: there is no list to be had: ")
    assert lines[-1] == "All is well."


def _own_address() -> str:
    """The address of this machine that others reach it at."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way_out:
        try:
            way_out.connect(("192.0.2.1", 9))  # sends nothing: it only finds which address a packet would come from
        except OSError:
            pytest.skip("this machine has no network")
        return str(way_out.getsockname()[0])


async def test_a_key_over_plain_http_is_told_before_it_is_sent() -> None:
    host = _own_address()
    with closing(Endpoint("0.0.0.0")) as endpoint:
        connection = Connection(f"http://{host}:{endpoint.port}/v1", Key(secrets.token_hex(16)))
        lines = await _lines(resolve("auto", connection))
        assert not endpoint.requests
    assert lines[-1].startswith(f"✗ **key**: a key is not sent to {host} over plain http; use https")


async def test_a_model_that_is_not_there_is_told_with_the_nearest(endpoint: Endpoint) -> None:
    endpoint.answers(_LIST, **_JSON)
    endpoint.answers(_refusal("The model `smal` does not exist"), status=404, **_JSON)
    endpoint.answers(_LIST, **_JSON)
    lines = await _lines(_at(endpoint), "smal")
    assert lines[-2] == "· **models**: 2 in the list, but smal is not"
    assert lines[-1].startswith("✗ **one token**: ")
    assert lines[-1].endswith("there is no model smal; near: small")


@pytest.mark.parametrize("status", [429, 500])
async def test_an_endpoint_that_fails_ends_it(endpoint: Endpoint, status: int) -> None:
    endpoint.answers(_refusal("not now"), status=status, **_JSON)
    lines = await _lines(_at(endpoint))
    assert lines[-1].startswith("✗ **models**: ")
    assert "not now" in lines[-1]
    assert len(endpoint.requests) == 1


async def test_the_guide_needs_no_network() -> None:
    lines = await _lines(resolve("guide"))
    assert [line[:18] for line in lines] == ["✓ **endpoint**: gu", "✓ **one token**: a", "All is well."]


async def test_a_plug_in_is_asked_and_its_error_told() -> None:
    async def thinks(model: str, messages: list[Any], **kwargs: Any) -> AsyncIterator[Any]:
        yield Reasoning("well")
        raise AssertionError("read on")

    async def fails(model: str, messages: list[Any], **kwargs: Any) -> AsyncIterator[str]:
        raise ValueError("not today")
        yield ""

    assert (await _lines(resolve(thinks)))[-1] == "All is well."
    assert (await _lines(resolve(fails)))[-1] == "✗ **one token**: the provider fails failed: ValueError: not today"


async def test_an_endpoints_hint_leaves_a_plug_ins_traceback_with_its_error() -> None:
    error = ValueError("not today")
    nobody: Any = None  # it is not asked
    failure = explain(error, Chosen("mine", nobody, hint=" (try another)"))
    assert str(failure) == "the provider mine failed: ValueError: not today (try another)"
    assert failure.__cause__ is error


async def test_codelink_ava_is_checked_too(endpoint: Endpoint) -> None:
    endpoint.says("Hello")
    lines = await _lines(resolve("codelink-ava", Connection(endpoint.url)))
    assert [line.split("**")[1] for line in lines[:-1]] == ["endpoint", "connection", "one token"]
    assert lines[-1] == "All is well."


async def test_through_a_proxy_only_what_goes_through_it_is_checked(endpoint: Endpoint) -> None:
    endpoint.answers(_LIST, **_JSON)
    endpoint.says("Hello")
    report = check(_at(endpoint), through_proxy=True)
    text = "".join([str(piece) async for piece in report("", [])])
    await transport.close()
    assert "**connection**" not in text
    assert text.endswith("All is well.\n")


def test_in_a_kernel_each_line_appears_as_it_is_done_and_it_can_be_stopped(kernel: Kernel, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.answers(_LIST, **_JSON)
    endpoint.answers(gate, chunk("Hello"), END)
    cell = kernel.start(f"%ava --check --base-url {endpoint.url}")
    assert gate.reached.wait(20)
    kernel.collect(cell, lambda: "2 in the list" in "".join(cell.painted))
    kernel.interrupt()
    kernel.finish(cell)
    assert "Stopped: " in cell.error
    assert endpoint.requests[1].hung_up.wait(20)
    assert "2 in the list" in cell.outputs[-1]["data"]["text/plain"]


def test_in_a_kernel_it_leaves_the_conversation_as_it_was(kernel: Kernel, endpoint: Endpoint) -> None:
    endpoint.answers(_LIST, **_JSON)
    endpoint.says("Hello")
    cell = kernel.run(f"%ava -o report -m small --check --base-url {endpoint.url}")
    assert cell.status == "ok"
    assert "All is well." in cell.outputs[-1]["data"]["text/plain"]
    assert kernel.value("report.text.endswith('All is well.\\n')") == "True"
    assert "0 in the conversation" in kernel.run("%ava").stdout


@pytest.mark.parametrize("command", ["--check", "--models"])
def test_under_replay_nothing_is_sent(kernel: Kernel, endpoint: Endpoint, tmp_path: Path, command: str) -> None:
    endpoint.says("ok")
    kernel.run(f"%config AvaMagics.base_url = {endpoint.url!r}\n%config AvaMagics.record = {str(tmp_path / 'c')!r}")
    kernel.run("%ava hi")
    kernel.run("%ava --replay")
    told = kernel.run(f"%ava {command}").error
    kernel.run("%config AvaMagics.record = ''\n%env AVA_REPLAY=1")
    by_variable = kernel.run(f"%ava {command}").error
    kernel.run("del __import__('os').environ['AVA_REPLAY']")
    assert told.startswith(f"AvaError (config): replies come from a cassette, so {command} sends nothing; %config")
    assert "%env AVA_REPLAY=0 ends that" in by_variable
    assert len(endpoint.requests) == 1
