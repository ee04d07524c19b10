"""A key in a real kernel and a real terminal: typed in unseen, sent to its own host, and written down nowhere."""

from __future__ import annotations

import json
import os
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pexpect
import pytest
from nbclient import NotebookClient

from .endpoint import HANG_UP, Endpoint
from .kernel import Cell, Kernel
from .terminal import Terminal

_LOGGED = """
import asyncio, logging, sys, traceback
logging.basicConfig(level=logging.DEBUG, filename="debug.log", force=True)
for name in ("asyncio", "aiohttp.client", "aiohttp.internal", "traitlets", "IPythonKernelApp"):
    logging.getLogger(name).setLevel(logging.DEBUG)
asyncio.get_running_loop().set_debug(True)
def frames():
    error = sys.last_value
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
%load_ext ava_magic
%xmode Verbose
"""
_LOOKS = (
    *("%tb", "print(frames())", "print(In, Out, _, dir())", "print(vars(sys.last_value), sys.last_value.reply)"),
    "print(vars(get_ipython().magics_manager.registry['AvaMagics'].desk), vars(get_ipython()))",
    *(
        "%ava",
        "%ava --history",
        "%config AvaMagics",
        "%whos",
        "%history -n",
        "%ava --preview hi",
        "%ava --check",
        "%ava --models",
    ),
)


@pytest.fixture
def key() -> str:
    return secrets.token_hex(16)


@pytest.fixture
def folder(tmp_path: Path, endpoint: Endpoint, key: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a kernel runs that finds the key in its environment, and leaves its history."""
    for name, value in {
        "IPYTHONDIR": tmp_path / "ipython",
        "OPENAI_BASE_URL": endpoint.url,
        "OPENAI_API_KEY": key,
    }.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _misbehave(endpoint: Endpoint, key: str) -> list[str]:
    """Queue an endpoint's failures, each with the key in it, and return the questions that meet them."""
    said = json.dumps({"error": {"message": f"no: Bearer {key}"}}).encode()
    for status in (400, 401, 403, 429, 500):
        endpoint.answers(said, status=status, content_type="application/json", headers=f"X-Echo: {key}\r\n")
    endpoint.answers("half", HANG_UP)
    endpoint.answers("half", f"data: {{{key}\n\n".encode(), headers=f"X-Echo: {key}\r\n")
    endpoint.answers("half", b'data: {"error": ' + said + b"}\n\n")
    endpoint.answers(said, status=307, headers=f"Location: /?key={key}\r\n")
    endpoint.answers(said, status=401, content_type="application/json", headers=f"X-Echo: {key}\r\n")
    return ["%ava -n hi"] * 9


def _files(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes()


def _leaks(texts: list[str], folder: Path, key: str) -> list[str]:
    """Where the key is, or half of it; the values of variables are cut to 1,000 characters by IPython."""
    halves = (key[:16], key[16:])
    found = [text[max(0, text.find(halves[0]) - 200) :][:400] for text in texts if any(half in text for half in halves)]
    return found + [str(path) for path, data in _files(folder) if any(half.encode() in data for half in halves)]


def test_no_output_log_or_history_of_a_kernel_has_the_key(folder: Path, endpoint: Endpoint, key: str) -> None:
    kernel = Kernel(**os.environ)
    questions = _misbehave(endpoint, key)
    try:
        kernel.run(_LOGGED)
        kernel.run("%config AvaMagics.retries = 0\n%config AvaMagics.record = 'tape.jsonl'")
        asked = [kernel.run(question) for question in questions]
        looks = {look: kernel.run(look) for look in _LOOKS}
    finally:
        kernel.run("asyncio.get_running_loop().set_debug(False)")  # ipykernel's own shutdown does not bear it
        kernel.shutdown(now=False)
    assert [cell.status for cell in asked] == ["error"] * len(asked)
    assert endpoint.requests[0].headers["authorization"] == f"Bearer {key}"
    assert "AvaError (protocol)" in looks["%tb"].stderr + looks["%tb"].stdout + looks["%tb"].error
    assert "magics.py" in looks["print(frames())"].stdout
    assert "\u2717 **key**" in looks["%ava --check"].outputs[-1]["data"]["text/plain"]
    names = {path.name for path, _ in _files(folder)}
    assert {"history.sqlite", "debug.log", "tape.jsonl"} <= names
    seen = [json.dumps([cell.messages, cell.reply], default=str) for cell in (*asked, *looks.values())]
    assert not _leaks(seen, folder, key)


def test_no_notebook_that_was_run_headless_has_the_key(folder: Path, endpoint: Endpoint, key: str) -> None:
    questions = _misbehave(endpoint, key)
    sources = [_LOGGED, "%config AvaMagics.retries = 0", *questions, *_LOOKS]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(notebook, timeout=60, allow_errors=True, kernel_name="python3").execute()
    nbformat.write(notebook, folder / "run.ipynb")
    assert "AvaError (auth)" in (folder / "run.ipynb").read_text("utf-8")
    assert not _leaks([], folder, key)


@pytest.fixture
def asked(asked: Kernel) -> Iterator[Kernel]:
    """Afterwards the key is forgotten."""
    yield asked
    asked.run("%unload_ext ava_magic")


def _answer(kernel: Kernel, cell: Cell, typed: str) -> dict[str, Any]:
    """Answer what a cell asks the user, and return the request."""
    request = kernel.client.get_stdin_msg(timeout=20)
    kernel.client.input(typed)
    kernel.finish(cell)
    content: dict[str, Any] = request["content"]
    return content


def test_a_typed_key_goes_to_its_endpoint_and_is_kept_nowhere_else(asked: Kernel, endpoint: Endpoint, key: str) -> None:
    cell = asked.start("%ava --key")
    request = _answer(asked, cell, f" {key} ")
    assert request["password"] is True
    assert f"127.0.0.1:{endpoint.port}" in request["prompt"]
    assert "kept in this kernel's memory" in cell.stdout
    endpoint.says("hello")
    asked.run("%ava hi")
    assert endpoint.requests[-1].headers["authorization"] == f"Bearer {key}"
    shown = asked.value("[In, Out, {name: repr(value) for name, value in globals().items()}]")
    assert key not in shown
    assert "the key that was typed in" in asked.run("%ava").stdout
    other = Endpoint()
    other.says("hello")
    asked.run(f"%ava --base-url {other.url} hi")
    other.close()
    assert "authorization" not in other.requests[0].headers


def test_a_typed_key_is_forgotten_by_an_empty_line_and_by_unloading(
    asked: Kernel, endpoint: Endpoint, key: str
) -> None:
    endpoint.says("hello")
    _answer(asked, asked.start("%ava --key"), key)
    cell = asked.start("%ava --key")
    _answer(asked, cell, "")
    assert "No typed key" in cell.stdout
    asked.run("%ava hi")
    assert "authorization" not in endpoint.requests[-1].headers
    _answer(asked, asked.start("%ava --key"), key)
    asked.run("%reload_ext ava_magic")
    asked.run(f"%ava --base-url {endpoint.url} hi")
    assert "authorization" not in endpoint.requests[-1].headers


def test_a_typed_key_of_a_preset_makes_auto_choose_it(kernel: Kernel, key: str) -> None:
    _answer(kernel, kernel.start("%ava --key -p mistral"), key)
    assert "mistral (a key for it was typed in)" in kernel.run("%ava").stdout
    kernel.run("%unload_ext ava_magic")


@pytest.mark.parametrize("flaw", [" ", "\t", "\u200b"])
def test_what_is_no_key_is_refused_in_one_line(asked: Kernel, key: str, flaw: str) -> None:
    cell = asked.start("%ava --key")
    _answer(asked, cell, key[:16] + flaw + key[16:])
    assert "AvaError (config): the key that was typed in holds a space" in cell.error
    assert key[:16] not in json.dumps(cell.messages, default=str)
    frames = "traceback.TracebackException.from_exception(sys.last_value, capture_locals=True).format()"
    shown = asked.run(f"import sys, traceback\nprint(''.join({frames}))").stdout
    assert "hidden_prompt.py" in shown
    assert key[:16] not in shown


def test_where_nobody_can_be_asked_one_line_says_so(asked: Kernel) -> None:
    cell = asked.run("%ava --key", allow_stdin=False)
    assert (
        cell.error == "AvaError (config): nobody can be asked for a key here; set it in the environment of the kernel"
    )


def test_the_guide_takes_no_key(kernel: Kernel) -> None:
    assert "guide takes no key" in kernel.run("%ava --key -p guide").error


def test_an_interrupt_leaves_the_prompt_and_everything_as_it_was(asked: Kernel, endpoint: Endpoint) -> None:
    cell = asked.start("%ava --key")
    asked.client.get_stdin_msg(timeout=20)
    asked.interrupt()
    asked.finish(cell)
    assert "Stopped: no key was typed in" in cell.error
    endpoint.says("hello")
    assert asked.run("answer = %ava hi").status == "ok"


def test_a_key_typed_into_a_terminal_is_not_on_its_screen_and_not_in_its_history(
    terminal: Terminal, tmp_path: Path, endpoint: Endpoint, key: str
) -> None:
    endpoint.says("hello")
    log = (tmp_path / "screen.log").open("w", encoding="utf-8")
    terminal.child.logfile_read = log
    terminal.child.send("%ava --key\r")
    terminal.until(r"\(hidden\): ")
    terminal.child.kill(signal.SIGINT)
    assert "Stopped: no key was typed in" in terminal.until(r"In \[3\]:")
    terminal.child.send("%ava --key\r")
    terminal.until(r"\(hidden\): ")
    terminal.child.send(f"{key}\r")
    assert "kept in this kernel's memory" in terminal.until(r"In \[4\]:")
    terminal.run("%ava hi", 5)
    assert endpoint.requests[0].headers["authorization"] == f"Bearer {key}"
    terminal.child.send("exit\r")
    terminal.child.expect(pexpect.EOF)
    terminal.close()
    log.close()
    assert not _leaks([], tmp_path, key)
