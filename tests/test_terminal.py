"""The magics in a real IPython terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from .endpoint import END, Endpoint, Gate
from .moments import MOMENTS
from .terminal import Terminal


def test_a_reply_streams_and_is_the_result(terminal: Terminal, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.says("first words", gate, " and the last.\n\nA **new** block.")
    terminal.child.send("%ava what is up?\r")
    terminal.until("first words")
    gate.open()
    screen = terminal.until(r"In \[3\]:")
    assert "and the last." in screen
    assert "A new block." in screen or "A **new** block." in screen  # simple: no terminal to render for
    assert "openai-compatible · scripted" in screen
    assert screen.count("and the last.") == 1
    assert "shown above" in screen.replace("\r\n", "")
    assert "and the last." in terminal.run("print(str(_)[:31])", 4)
    assert endpoint.requests[0].messages == [("user", "what is up?")]


def test_an_assignment_and_a_function_call_ask_too(terminal: Terminal, endpoint: Endpoint) -> None:
    endpoint.says("blue")
    terminal.run("answer = %ava my colour?", 3)
    terminal.run("ask = lambda: get_ipython().run_line_magic('ava', 'again?')", 4)
    terminal.run("again = ask()", 5)
    assert "'blue' 'blue'" in terminal.run("print(repr(str(answer)), repr(str(again)))", 6)
    assert [words for _, words in endpoint.requests[1].messages] == ["my colour?", "blue", "again?"]


@pytest.mark.parametrize("words", [(), ("half a reply",)])
def test_ctrl_c_stops_and_keeps_what_had_come(terminal: Terminal, endpoint: Endpoint, words: tuple[str, ...]) -> None:
    gate = Gate()
    endpoint.says(*words, gate, "never sent")
    terminal.child.send("%ava go on\r")
    assert gate.reached.wait(20)
    if words:
        terminal.until("half a reply")
    terminal.child.kill(signal.SIGINT)
    screen = terminal.until(r"In \[3\]:")
    assert endpoint.requests[0].hung_up.wait(20)
    assert screen.count("Stopped: ") == 1
    assert "Traceback" not in screen
    if words:
        assert "('half a reply', True)" in terminal.run("print((str(_), _.partial))", 4)
    else:
        terminal.run("1", 4)
    assert "2" in terminal.run("print(1 + 1)", 5)


def test_ctrl_c_stops_a_flood(terminal: Terminal, endpoint: Endpoint) -> None:
    MOMENTS["in a flood of Markdown"].answer(endpoint)
    terminal.child.send("%ava go on\r")
    terminal.until("word")
    terminal.child.kill(signal.SIGINT)
    screen = terminal.until(r"In \[3\]:")
    assert endpoint.requests[0].hung_up.wait(20)
    assert screen.count("Stopped: ") == 1
    assert "True" in terminal.run("print(_.partial)", 4)


def test_an_error_is_one_line(terminal: Terminal, endpoint: Endpoint) -> None:
    endpoint.answers(b'{"error": {"message": "no such model"}}', status=404, content_type="application/json")
    screen = terminal.run("%ava hi", 3)
    assert "no such model" in screen
    assert "Traceback" not in screen


def test_escape_sequences_of_a_reply_are_shown_not_obeyed(terminal: Terminal, endpoint: Endpoint) -> None:
    endpoint.says("a\x1b]0;title\x07b \x9b31m \u202egnirts")
    terminal.child.send("%ava hi\r")
    terminal.child.expect(r"In \[3\]:")
    raw = terminal.child.before
    assert "\x1b]0;title" not in raw
    assert "\x9b" not in raw
    assert "\u202e" not in raw
    assert "\u241b]0;title" in raw


def test_no_address_of_a_reply_is_lost(terminal: Terminal, endpoint: Endpoint) -> None:
    endpoint.says("See [docs][1] and claim[^1] here.\n\n", "[1]: https://docs.example/page\n")
    endpoint.says("[^1]: https://paper.example/x\n\n![chart](https://a.example/c.png)")
    screen = terminal.run("%ava hi", 3) + terminal.run("%ava more", 4)
    assert "[docs][1] and claim[^1]" in screen
    assert "[1]: https://docs.example/page" in screen
    assert "[^1]: https://paper.example/x" in screen
    assert "chart](https://a.example/c.png)" in screen.replace("] (", "](")  # simple: no terminal to render for


def test_leaving_in_peace(terminal: Terminal, endpoint: Endpoint) -> None:
    endpoint.says("ok")
    terminal.run("%ava hi", 3)
    terminal.child.send("exit\r")
    terminal.child.expect(pexpect.EOF)
    assert "nclosed" not in terminal.child.before
    assert "rror" not in terminal.child.before


def test_a_script_of_cells_prints_plain_text(tmp_path: Path, endpoint: Endpoint) -> None:
    """The extension is loaded by the cell that asks, so IPython's own transform makes the call: it works as well."""
    script = tmp_path / "script.ipy"
    script.write_text(f"%load_ext ava_magic\nanswer = %ava --base-url {endpoint.url} hi\nprint('got', answer)\n")
    endpoint.says("**hello**")
    done = subprocess.run(
        [sys.executable, "-m", "IPython", str(script)],
        env={**os.environ, "IPYTHONDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "**hello**\n[openai-compatible" in done.stdout
    assert done.stdout.endswith("got **hello**\n")
    assert not done.stderr


def test_the_conversation_is_looked_at_undone_and_saved(terminal: Terminal, endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.says("blue")
    endpoint.says("green")
    terminal.run("%ava my colour?", 3)
    terminal.run("%ava --retry", 4)
    screen = terminal.run("%ava --history", 5)
    assert "Conversation main: 1 turn" in screen
    assert "1. In [2] · scripted · about" in screen
    assert "you: my colour?" in screen
    assert "scripted: green" in screen
    assert "<table>" not in screen
    assert "Taken back: the rerun" in terminal.run("%ava --undo", 6)
    assert "scripted: blue" in terminal.run("%ava --history", 7)
    assert "1 turn of the conversation main saved" in terminal.run(f"%ava --save {tmp_path}/talk.md", 8)
    assert "forgotten" in terminal.run("%ava --reset", 9)
    assert "is empty" in terminal.run("%ava --history", 10)
    assert "1 turn loaded" in terminal.run(f"%ava --load {tmp_path}/talk.md", 11)
    assert "main          scripted" in terminal.run("%ava --usage", 12)
    assert "--resume PATH" in terminal.run("%ava --resume", 13)


def test_the_words_of_a_refusal_are_shown(terminal: Terminal, endpoint: Endpoint) -> None:
    endpoint.answers(b'data: {"choices": [{"index": 0, "delta": {"refusal": "I cannot do that"}}]}\n\n', END)
    screen = terminal.run("%ava hi", 3)
    assert "I cannot do that" in screen
    assert "refused" in screen
