"""IPython in other programs, on other loops, on scripts and behind other front ends: it streams in all of them."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

from .endpoint import Endpoint, Gate
from .terminal import IPYTHON, Program, Screen


@pytest.fixture
def opened() -> Iterator[list[Screen]]:
    opened: list[Screen] = []
    yield opened
    for terminal in opened:
        terminal.close()


@pytest.fixture
def start(tmp_path: Path, opened: list[Screen]) -> Callable[..., Program]:
    """Starts a program that ends with the test."""

    def start(*arguments: Any, **options: Any) -> Program:
        opened.append(program := Program(tmp_path, *arguments, **options))
        return program

    return start


@pytest.fixture
def open_screen(tmp_path: Path, opened: list[Screen]) -> Callable[..., Screen]:
    """Runs Python on a screen that ends with the test."""

    def open_screen(*arguments: str) -> Screen:
        opened.append(screen := Screen(tmp_path, *arguments))
        return screen

    return open_screen


@pytest.fixture
def gate(endpoint: Endpoint) -> Gate:
    gate = Gate()
    endpoint.says("first words, ", gate, "last words")
    return gate


def _streams(program: Screen, endpoint: Endpoint, gate: Gate, number: int = 2) -> None:
    """The question in the cell of that number, whose reply waits for the gate between the first words and the last."""
    program.send(f"answer = %ava --base-url {endpoint.url} hi?")
    program.until("first words")
    gate.open()
    program.until("last words")
    program.until(rf"In \[{number + 1}\]:")
    assert "'first words, last words'" in program.run("print(repr(str(answer)))", number + 2)


def _goes_on(program: Program) -> bool:
    """Leave the shell: the program and its tasks go on to their end, and complain of nothing."""
    program.send("exit")
    program.child.expect(pexpect.EOF)
    screen = str(program.child.before)
    assert "rror" not in screen
    assert "arning" not in screen
    return "the program goes on" in screen


_ways = pytest.mark.parametrize("using", ["sync", "asyncio"])  # IPython.embed's own is "sync": no autoawait


@_ways
@pytest.mark.parametrize("simple", [True, False], ids=["simple", "prompt"])
def test_a_shell_in_a_plain_program(
    start: Callable[..., Program], endpoint: Endpoint, gate: Gate, simple: bool, using: str
) -> None:
    program = start("plain()", simple=simple, using=using)
    _streams(program, endpoint, gate)
    program.run("import sys", 5)
    assert "[]" in program.run("print([name for name in sys.modules if name.startswith('nest_asyncio')])", 6)
    assert _goes_on(program)


@_ways
def test_a_shell_in_a_running_program_streams_while_the_programs_tasks_go_on(
    start: Callable[..., Program], endpoint: Endpoint, gate: Gate, using: str
) -> None:
    program = start("asyncio.run(main())", using=using)
    program.run("import sys; before = [name for name in sys.modules if 'nest_asyncio' in name]", 3)
    program.run("start = len(beats)", 4)
    _streams(program, endpoint, gate, 4)
    assert "[] True" in program.run("print(before, len(beats) - start > 0)", 7)
    assert _goes_on(program)


@pytest.mark.parametrize("name", ["nest_asyncio", "nest_asyncio2"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_shell_in_a_program_that_patched_asyncio_itself(
    start: Callable[..., Program], endpoint: Endpoint, gate: Gate, name: str, when: str
) -> None:
    """Such a program can have IPython's full prompt, too, if it patched before it."""
    pytest.importorskip(name)
    patch = f"import {name}; {name}.apply()"
    program = start(f"{patch if when == 'before' else ''}\nasyncio.run(main())", simple=when == "after")
    program.run(patch if when == "after" else "pass", 3)
    _streams(program, endpoint, gate, 3)
    program.run("other = {'nest_asyncio', 'nest_asyncio2'} - {" + repr(name) + "}", 6)
    assert "True" in program.run("import sys; print(other.isdisjoint(sys.modules))", 7)
    assert _goes_on(program)


def test_a_shell_in_a_running_program_on_uvloop_streams_and_patches_nothing(
    start: Callable[..., Program], endpoint: Endpoint, gate: Gate
) -> None:
    """Nothing can be nested into uvloop; so the program's own tasks wait, as they do while the prompt does."""
    pytest.importorskip("uvloop")
    program = start("import uvloop; asyncio.set_event_loop_policy(uvloop.EventLoopPolicy()); asyncio.run(main())")
    _streams(program, endpoint, gate)
    assert "asyncio.runners" in program.run("print(asyncio.run.__module__)", 5)
    assert _goes_on(program)


@pytest.mark.parametrize("how", ["plain()", "asyncio.run(main())"], ids=["plain", "loop"])
@pytest.mark.parametrize("words", [(), ("half a reply",)], ids=["silent", "half"])
def test_ctrl_c_in_an_embedded_shell_stops_the_reply_and_not_the_program(
    start: Callable[..., Program], endpoint: Endpoint, how: str, words: tuple[str, ...]
) -> None:
    gate = Gate()
    endpoint.says(*words, gate, "never sent")
    program = start(how)
    program.send(f"%ava --base-url {endpoint.url} hi")
    assert gate.reached.wait(20)
    if words:
        program.until("half a reply")
    program.child.kill(signal.SIGINT)
    assert program.until(r"In \[3\]:").count("Stopped: ") == 1
    assert endpoint.requests[0].hung_up.wait(20)
    assert _goes_on(program)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("0.ipy", "answer = %ava hi?\n"),
        ("0.py", "answer = get_ipython().run_line_magic('ava', 'hi?')\n"),
    ],
)
def test_a_startup_file_streams(
    open_screen: Callable[..., Screen], endpoint: Endpoint, gate: Gate, tmp_path: Path, name: str, code: str
) -> None:
    startup = tmp_path / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / name).write_text(code)
    terminal = open_screen(*IPYTHON, "--ext=ava_magic", f"--AvaMagics.base_url={endpoint.url}")
    terminal.until("first words")
    gate.open()
    terminal.until("last words")
    terminal.until(r"In \[1\]:")
    assert "'first words, last words'" in terminal.run("print(repr(str(answer)))", 2)


def test_a_script_of_cells_streams(
    open_screen: Callable[..., Screen], endpoint: Endpoint, gate: Gate, tmp_path: Path
) -> None:
    script = tmp_path / "script.ipy"
    script.write_text("for x in [7]:\n    answer = %ava what about {x}?\nprint('got', len(str(answer)))\n")
    terminal = open_screen(*IPYTHON, "--ext=ava_magic", f"--AvaMagics.base_url={endpoint.url}", str(script))
    terminal.until("first words")
    gate.open()
    terminal.until("last words")
    terminal.until("got 23")
    assert endpoint.requests[0].messages == [("user", "what about 7?")]


def test_a_thread_in_a_terminal_streams(open_screen: Callable[..., Screen], endpoint: Endpoint, gate: Gate) -> None:
    terminal = open_screen(*IPYTHON)
    terminal.until(r"In \[1\]:")
    terminal.run("%load_ext ava_magic", 2)
    terminal.run(
        "ask = lambda: get_ipython().run_line_magic('ava', '--base-url " + endpoint.url + " -o answer hi?')", 3
    )
    terminal.send("import threading; t = threading.Thread(target=ask); t.start(); t.join()")
    terminal.until("first words")
    gate.open()
    terminal.until("last words")
    terminal.until(r"In \[4\]:")
    assert "'first words, last words'" in terminal.run("print(repr(str(answer)))", 5)


@pytest.mark.parametrize(
    "line",
    [
        "%gui asyncio",
        "%autoawait False",
        "import asyncio, uvloop; asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())",
        "import nest_asyncio; nest_asyncio.apply()",
    ],
    ids=["gui", "autoawait", "uvloop", "nest_asyncio"],
)
def test_a_terminal_that_is_set_otherwise_streams_and_stops(
    open_screen: Callable[..., Screen], endpoint: Endpoint, gate: Gate, line: str
) -> None:
    terminal = open_screen(*IPYTHON)
    terminal.until(r"In \[1\]:")
    terminal.run(line, 2)
    terminal.run("%load_ext ava_magic", 3)
    _streams(terminal, endpoint, gate, 3)
    endpoint.forget()
    endpoint.says("half a reply", Gate(), "never sent")
    terminal.send(f"%ava --base-url {endpoint.url} go on")
    terminal.until("half a reply")
    terminal.child.kill(signal.SIGINT)
    assert terminal.until(r"In \[6\]:").count("Stopped: ") == 1
    assert endpoint.requests[0].hung_up.wait(20)


def test_jupyter_console_streams_as_text(
    open_screen: Callable[..., Screen], endpoint: Endpoint, gate: Gate, tmp_path: Path
) -> None:
    pytest.importorskip("jupyter_console")
    console = open_screen("-m", "jupyter_console", "--simple-prompt")
    console.until(r"In \[1\]:")
    _wait_until_it_hears_its_kernel(console, tmp_path / "heard")
    console.run("%load_ext ava_magic", 3)
    _streams(console, endpoint, gate, 3)


def _wait_until_it_hears_its_kernel(console: Screen, heard: Path) -> None:
    """The first prompt may be there before that: a cell that ends too early is waited for without an end."""
    loop = f"while not __import__('os').path.exists({str(heard)!r}): print('be', 'at', sep=''"
    console.send(f"{loop}, flush=True); __import__('time').sleep(0.05)")
    console.until("beat")
    heard.touch()
    console.until(r"In \[2\]:")
