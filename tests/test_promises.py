"""What a reply tells, who may answer, what help and a wrong call look like: in a real kernel, terminal and program."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from .endpoint import Endpoint, Gate, chunk
from .kernel import PLAIN, Kernel
from .terminal import Program, Terminal


def _event(**payload: object) -> bytes:
    return f"data: {json.dumps(payload)}\n\n".encode()


def test_a_reply_tells_all_about_itself(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.answers(
        _event(choices=[{"index": 0, "delta": {"reasoning_content": "let me see"}}]),
        '{"n": [1, 2]}',
        chunk(finish_reason="stop"),
        _event(choices=[], usage={"prompt_tokens": 5, "completion_tokens": 3}),
        b"data: [DONE]\n\n",
    )
    asked.run("%ava -m small -f json -s 'be brief' how many?")
    told = asked.value(
        "(_.data, _.finish_reason, _.usage, _.reasoning, _.model, _.provider, _.partial, type(_.seconds).__name__,"
        " _.seconds > 0, [m['role'] for m in _.messages], _.messages[-1]['content'])"
    )
    assert told == repr(
        (
            {"n": [1, 2]},
            *("stop", {"prompt_tokens": 5, "completion_tokens": 3}, "let me see"),
            *("scripted", "openai-compatible", False, "float", True),
            *(["system", "user"], "how many?"),
        )
    )
    sent = [list(message) for message in endpoint.requests[0].messages]
    assert asked.value("[[m['role'], m['content']] for m in _.messages]") == repr(sent)


def test_a_stopped_reply_is_partial_and_has_no_reason(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("half", Gate())
    cell = asked.start("%ava hi")
    asked.collect(cell, lambda: "half" in "".join(cell.painted))
    asked.interrupt()
    asked.finish(cell)
    told = asked.value("(str(_), _.partial, _.finish_reason, _.usage, _.data, _.reasoning, _.model)")
    assert told == "('half', True, None, None, None, '', 'scripted')"


@pytest.fixture
def server() -> Iterator[str]:
    """The URL of ``python -m ava_magic.server``."""
    command = [sys.executable, "-m", "ava_magic.server", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        patience = threading.Timer(20, process.kill)
        patience.start()
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            patience.cancel()
            assert url, "the service printed no URL"
            yield url
        finally:
            patience.cancel()
            process.kill()


def test_codelink_ava_answers_in_a_kernel_from_our_own_server(kernel: Kernel, server: str) -> None:
    cell = kernel.run(f"%ava -p codelink-ava --base-url {server} what is interpolation?")
    assert cell.status == "ok", cell.error
    [output] = cell.outputs
    assert "codelink-ava" in output["data"][PLAIN]
    assert kernel.value("_.provider, _.endpoint, _.finish_reason") == repr(("codelink-ava", server, "stop"))
    kernel.run(f"%ava -p codelink-ava --base-url {server} and which question was that?")
    assert "what is interpolation?" in kernel.run("print(_)").stdout  # the guide there was sent the conversation


_PACKAGE = """
class Echo:
    @classmethod
    async def create_async_generator(cls, model, messages, **kwargs):
        for piece in ("Echo", " of ", messages[-1]["content"], f" by {model}, {kwargs}"):
            yield piece

async def recite(model, messages, **kwargs):
    for message in messages:
        yield f"{message['role']}={message['content']};"

async def fail(model, messages, **kwargs):
    yield "half"
    raise RuntimeError("no more to say")
"""


@pytest.fixture
def with_package(kernel: Kernel, tmp_path: Path) -> Iterator[Kernel]:
    """A kernel with a package of providers on its path."""
    package = tmp_path / "parrots"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "grey.py").write_text(_PACKAGE)
    kernel.run(f"import sys; sys.path.insert(0, {str(tmp_path)!r})")
    yield kernel
    kernel.run("import sys; del sys.path[0]\nfor name in ('parrots', 'parrots.grey'): sys.modules.pop(name, None)")


def test_a_class_in_a_package_answers(with_package: Kernel) -> None:
    cell = with_package.run("%ava -p parrots.grey:Echo -m small -t 0.5 --option n=2 hello?")
    assert cell.status == "ok", cell.error
    assert with_package.value("str(_)") == repr("Echo of hello? by small, {'temperature': 0.5, 'n': 2}")
    assert with_package.value("_.provider, _.model") == "('Echo', 'small')"
    assert "Echo of hello?" in cell.outputs[0]["data"][PLAIN]


def test_an_async_generator_function_in_a_package_answers(with_package: Kernel) -> None:
    with_package.run("%config AvaMagics.provider = 'parrots.grey:recite'")
    with_package.run("%ava one")
    with_package.run("def ask():\n    return %ava -s brief two\nask()")
    assert with_package.value("str(_)") == "'system=brief;user=one;assistant=user=one;;user=two;'"
    assert with_package.value("_.provider") == "'recite'"


def test_a_function_that_fails_gives_one_line(with_package: Kernel) -> None:
    cell = with_package.run("%ava -p parrots.grey:fail hi")
    assert "no more to say" in cell.error
    assert len(cell.error.splitlines()) == 1
    assert "half" in cell.outputs[0]["data"][PLAIN]


def test_the_maintained_fork_is_taken_where_both_are_installed(tmp_path: Path, endpoint: Endpoint) -> None:
    pytest.importorskip("nest_asyncio")
    pytest.importorskip("nest_asyncio2")
    endpoint.says("ok")
    program = Program(tmp_path, "asyncio.run(main())")
    try:
        program.run("import sys; nests = lambda: sorted(n for n in sys.modules if n.startswith('nest_asyncio'))", 3)
        assert "[]" in program.run("print(nests())", 4)
        program.run(f"answer = %ava --base-url {endpoint.url} hi", 5)
        assert "['nest_asyncio2'] ok" in program.run("print(nests(), answer)", 6)
    finally:
        program.close()


_OPTIONS = (
    *("--model", "--provider", "--base-url", "--system", "--temperature", "--max-tokens", "--option", "--out"),
    *("--format", "--chat", "--no-history", "--background", "--error", "--raw", "--preview", "--each", "--attach"),
    *("--schema", "--keep", "--reset", "--undo", "--retry", "--history", "--save", "--load", "--resume", "--replay"),
    *("--models", "--check", "--usage"),
)


@pytest.mark.parametrize("code", ["%ava?", "%%ava?"])
def test_help_names_every_option(kernel: Kernel, code: str) -> None:
    [page] = kernel.run(code).reply["payload"]
    assert [option for option in _OPTIONS if option not in page["data"][PLAIN]] == []


@pytest.mark.parametrize("code", ["%ava", "%%ava"])
def test_a_look_at_the_magic_finds_its_help(kernel: Kernel, code: str) -> None:
    """What Shift-Tab asks for."""
    look = {"code": code, "cursor_pos": len(code), "detail_level": 0}
    found = kernel.finish(kernel.send("inspect_request", look)).reply
    assert found["found"]
    assert "--no-history" in found["data"][PLAIN]


@pytest.mark.parametrize("code", ["%ava?", "%%ava?"])
def test_help_in_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setenv("PAGER", "cat")
    terminal = Terminal(tmp_path, "--simple-prompt")
    try:
        terminal.run("%load_ext ava_magic", 2)
        terminal.send(code + "\r\r" * code.startswith("%%"))  # there empty lines end a cell magic
        assert "--no-history" in terminal.until("lists the settings")
    finally:
        terminal.close()


def test_the_magic_alone_shows_the_state(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("ok")
    asked.run("%config AvaMagics.model = 'small'\n%ava one")
    asked.run("%ava two")
    state = asked.run("%ava").shown
    for words in ("openai-compatible", "small", endpoint.url, "turns      2", "%config AvaMagics"):
        assert words in state
    assert len(endpoint.requests) == 2
    assert not asked.run("%ava").of_type("execute_result")


def test_the_magic_alone_tells_a_newcomer_the_next_step(kernel: Kernel, endpoint: Endpoint) -> None:
    def next_step() -> str:
        return kernel.run("%ava").shown.rstrip().rpartition("next")[2].strip()

    assert next_step().startswith("set OPENAI_API_KEY")
    kernel.run("%ava -p guide how do I stop a reply?")
    assert next_step().startswith("set OPENAI_API_KEY")  # the guide has answered, and is still no model
    kernel.run("%ava --reset")
    kernel.run(f"%config AvaMagics.base_url = {endpoint.url!r}")
    assert "%ava --models" in next_step()
    kernel.run("%config AvaMagics.model = 'small'")
    endpoint.answers(status=500)
    assert kernel.run("%config AvaMagics.retries = 0\n%ava hi").status == "error"
    assert "%ava --check" in next_step()
    endpoint.forget()
    endpoint.says("ok")
    kernel.run("%ava hi")
    assert "  next" not in kernel.run("%ava").shown


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("%ava --temperature", "needs a value"),
        ("%ava --max-tokens 0 hi", "--max-tokens"),
        ("%ava --max-tokens=few hi", "--max-tokens"),
        ("%ava -f xml hi", "markdown"),
        ("%ava --option alone hi", "KEY=VALUE"),
        ("%ava --concurrency 3 hi", "--concurrency goes with --each NAME"),
        ("%ava --each nowhere about {item}", "nowhere"),
        ("%ava -f json --schema Nowhere hi", "no variable of that name"),
        ("%ava --attach nowhere.txt hi", "nowhere.txt"),
        ("%ava --load nowhere.json", "nowhere.json"),
        ("%ava --undo many", "--undo"),
        ("%ava --retry", "nothing"),
        ("%ava -n -c other hi", "-n and -c do not go together"),
        ("%ava -c nobody --history", "nobody"),
        ("%ava --keep one", "--keep"),
        ("%ava -p json:loads hi", "loads"),
        ("%%ava --reset\nmore", "stands alone"),
    ],
)
def test_a_wrong_line_is_told_in_one_line(kernel: Kernel, code: str, line: str) -> None:
    cell = kernel.run(code)
    assert cell.status == "error"
    assert line in cell.error
    assert len(cell.error.splitlines()) == 1
    assert "Traceback" not in cell.error + cell.stderr
    assert kernel.value("1 + 1") == "2"
