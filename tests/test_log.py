"""The log: what an engineer wants to know of a question, and nothing that is nobody's business."""

from __future__ import annotations

import json
import logging
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from ava_magic import AvaError, Chat, transport
from ava_magic.connection import Key

from .endpoint import END, Endpoint, chunk
from .kernel import Kernel
from .service import serving, started

_QUESTION, _ANSWER = "the secret question", "the secret answer"


@pytest_asyncio.fixture(autouse=True)
async def no_session_left_open() -> AsyncIterator[None]:
    yield
    await transport.close()


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, "ava_magic")
    return caplog


def lines(log: pytest.LogCaptureFixture, least: int = logging.INFO) -> list[str]:
    """The lines from ``least`` on, with the numbers and times that differ from run to run left out."""
    told = [record for record in log.records if record.name.startswith("ava_magic") and record.levelno >= least]
    lines = [f"{record.levelname} {record.getMessage()}" for record in told]
    return [re.sub(r"#\d+", "#", re.sub(r"\d+\.\d+ s\b", "_ s", line)) for line in lines]


async def test_a_question_leaves_two_lines(log: pytest.LogCaptureFixture, endpoint: Endpoint) -> None:
    usage = b'data: {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}\n\n'
    endpoint.answers(chunk(_ANSWER), chunk(finish_reason="stop"), usage, END)
    await Chat(base_url=endpoint.url, model="m").ask(_QUESTION)
    assert lines(log) == [
        f"INFO # goes to openai-compatible at 127.0.0.1:{endpoint.port}, model m, 1 message",
        "INFO # ended (stop) after _ s: model scripted, 7 tokens sent, 3 received",
    ]
    numbers = {record.getMessage().split()[0] for record in log.records if record.name == "ava_magic.log"}
    assert len(numbers) == 1  # both lines are about the same question


async def test_a_stop_is_told(log: pytest.LogCaptureFixture, endpoint: Endpoint) -> None:
    endpoint.says("half of it", "the rest")
    async with aclosing(Chat(base_url=endpoint.url).stream(_QUESTION)) as deltas:
        await anext(deltas)
    assert "was stopped after _ s" in lines(log)[-1]


async def test_a_retry_and_a_failure_are_warnings(log: pytest.LogCaptureFixture, endpoint: Endpoint) -> None:
    body = b'{"error": {"message": "refused: ' + _QUESTION.encode() + b'"}}'
    endpoint.answers(body, status=503, content_type="application/json", headers="Retry-After: 0.01\r\n")
    with pytest.raises(AvaError):
        await Chat(base_url=endpoint.url, retries=1).ask(_QUESTION)
    assert lines(log, logging.WARNING) == [
        "WARNING 127.0.0.1: status 503; asking again in _ s",
        f"WARNING # failed after _ s: server from openai-compatible at 127.0.0.1:{endpoint.port}",
    ]
    assert _QUESTION not in "".join(lines(log))
    assert _QUESTION in "".join(lines(log, logging.DEBUG))  # what the endpoint says may quote what it was sent


async def test_an_answer_that_is_not_the_data_asked_for_is_a_failure(
    log: pytest.LogCaptureFixture, endpoint: Endpoint
) -> None:
    endpoint.says("no data")
    with pytest.raises(AvaError):
        await Chat(base_url=endpoint.url).ask(_QUESTION, format="json")
    assert lines(log, logging.WARNING) == [
        f"WARNING # failed after _ s: protocol from openai-compatible at 127.0.0.1:{endpoint.port}"
    ]


async def test_a_key_that_stands_elsewhere_is_not_told_either(
    log: pytest.LogCaptureFixture, endpoint: Endpoint
) -> None:
    """As the model, in what the endpoint sends back, in what a provider raises."""
    key = "-".join(["a", "key", "of", "ours"])
    named = json.dumps({"model": key, "choices": [{"delta": {"content": "hi"}, "finish_reason": key}]})
    endpoint.answers(f"data: {named}\n\ndata: [DONE]\n\n".encode())
    await Chat(base_url=endpoint.url, api_key=key, model=key).ask(_QUESTION)

    async def refusing(model: str, messages: list[Any], **fields: Any) -> AsyncIterator[str]:
        raise AvaError(f"{key} is no key", "auth")
        yield ""

    with pytest.raises(AvaError):
        await Chat(refusing, api_key=key).ask(_QUESTION)
    told = "\n".join(lines(log, logging.DEBUG))
    assert told.count("\u2026") == 4
    assert key not in told


async def test_words_and_keys_are_not_told(log: pytest.LogCaptureFixture, endpoint: Endpoint) -> None:
    endpoint.says(_ANSWER)
    key = "-".join(["a", "key", "of", "ours"])
    await Chat(base_url=f"{endpoint.url}?code={key}", api_key=key, system=_QUESTION).ask(_QUESTION)
    told = "".join(lines(log, logging.DEBUG))
    assert told
    assert not [word for word in (_QUESTION, _ANSWER, key) if word in told]


def test_nothing_is_written_until_somebody_listens() -> None:
    code = "import asyncio, ava_magic\nasyncio.run(ava_magic.Chat(base_url='http://127.0.0.1:9', retries=0).ask('hi'))"
    program = f"try:\n    {code.replace(chr(10), chr(10) + '    ')}\nexcept Exception as error:\n    print(error.kind)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("connection\n", "")


async def test_the_server_tells_of_each_request(log: pytest.LogCaptureFixture) -> None:
    key = "-".join(["a", "server", "key"])
    async with serving("guide", key=Key(key)) as url, aiohttp.ClientSession() as session:
        for bearer in (key, "wrong"):
            headers = {"Authorization": f"Bearer {bearer}"}
            async with session.get(f"{url}/v1/models?key={key}", headers=headers) as response:
                await response.read()
    assert lines(log) == [
        "INFO 127.0.0.1 GET /v1/models: 200 after _ s",
        "INFO 127.0.0.1 GET /v1/models: 401 after _ s",
    ]


async def test_the_server_tells_what_a_plug_in_raised_and_no_key(
    log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "-".join(["a", "key", "of", "ours"])
    monkeypatch.setenv("SOME_API_KEY", key)
    question = {"messages": [{"role": "user", "content": _QUESTION}]}

    async def broken(model: str, messages: list[Any], **fields: Any) -> AsyncIterator[str]:
        raise LookupError(f"no drawer for {key}")
        yield ""

    async with serving(broken) as url, aiohttp.ClientSession() as session:
        for path in ("api/chat", f"{key}/api/chat"):
            async with session.post(f"{url}/{path}", json=question) as response:
                await response.read()
    assert "LookupError: no drawer for \u2026" in log.text
    assert "POST /\u2026/api/chat: 404" in log.text
    assert key not in log.text


_CHATTY = """
import logging

async def ask(model, messages, **fields):
    logging.getLogger("their.client").info("POST https://host/v1?key=theirs")
    yield "hi"
"""


def test_the_server_that_is_verbose_writes_its_own_lines_and_nobody_elses(tmp_path: Path) -> None:
    (tmp_path / "chatty.py").write_text(_CHATTY)
    question = json.dumps({"messages": [{"role": "user", "content": _QUESTION}]}).encode()
    with started("--verbose", "--provider", "chatty:ask", cwd=tmp_path) as (process, url):
        with urllib.request.urlopen(f"{url}/api/chat", question) as response:
            assert b"hi" in response.read()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=20)
    assert re.search(r"INFO ava_magic\.access: 127\.0\.0\.1 POST /api/chat: 200 after \d+\.\d\d s\n", told)
    assert "theirs" not in told


def test_a_failure_that_a_cell_shows_is_not_told_again_on_stderr(fresh_kernel: Kernel, endpoint: Endpoint) -> None:
    """A wrong ``%config``, as any ``logging.error()``, sets up the root logger, though nobody wants a log."""
    endpoint.answers(b"nope", status=401)
    fresh_kernel.run("%load_ext ava_magic\n%config AvaMagics.temperature = 'hot'")
    cell = fresh_kernel.run(f"%ava --base-url {endpoint.url} {_QUESTION}")
    assert "AvaError (auth)" in cell.error
    assert cell.stderr == ""
    fresh_kernel.run("import logging\nlogging.getLogger('ava_magic').setLevel('INFO')")
    assert "WARNING:ava_magic.log:#2 failed" in fresh_kernel.run(f"%ava --base-url {endpoint.url} hi").stderr
    fresh_kernel.run("logging.getLogger('ava_magic').setLevel('NOTSET')\n%unload_ext ava_magic")
    ask = f"from ava_magic import Chat\nawait Chat(base_url={endpoint.url!r}).ask('hi')"
    assert "WARNING:ava_magic.log:#3 failed" in fresh_kernel.run(ask).stderr


def test_who_listens_to_all_loggers_reads_little_of_a_reply(fresh_kernel: Kernel, endpoint: Endpoint) -> None:
    """At DEBUG the parser of Markdown would tell of each rule that it tries, with each frame."""
    endpoint.says("# A\n\n- b\n\n", "c")
    fresh_kernel.run("import logging\nlogging.basicConfig(level=logging.DEBUG, force=True)\n%load_ext ava_magic")
    cell = fresh_kernel.run(f"%ava --base-url {endpoint.url} {_QUESTION}")
    assert cell.status == "ok", cell.error
    assert "INFO:ava_magic.log:#1 ended (stop)" in cell.stderr
    assert "DEBUG" not in cell.stderr
    assert _QUESTION not in cell.stderr
