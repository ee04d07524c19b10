"""``--each`` in a real kernel, a headless run and a real terminal."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from .endpoint import Endpoint, Gate
from .kernel import HTML, PLAIN, WIDGET, Cell, Kernel
from .terminal import Terminal


@pytest.fixture
def asked(asked: Kernel) -> Kernel:
    """With items at hand."""
    asked.run("names = ['Ada', 'Bea', 'Cleo']")
    return asked


def prompts(endpoint: Endpoint) -> list[str]:
    return sorted(request.messages[-1][1] for request in endpoint.requests)


def waits_for(asked: Kernel, cell: Cell, words: str) -> None:
    """Until ``words`` stand in one of the bar's widgets."""
    asked.collect(cell, lambda: any(words in _bar_text(c) for c in cell.of_type("comm_msg")))


def _bar_text(content: dict[str, Any]) -> str:
    """A message of a widget; tqdm keeps its spaces from being folded by another character."""
    return json.dumps(content, ensure_ascii=False).replace("\u2007", " ")


def test_every_item_is_asked_and_the_replies_are_the_result(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("**hello**")
    cell = asked.run("%%ava --each names -o greetings\nGreet {item},\nplease")
    assert cell.status == "ok", cell.error
    assert prompts(endpoint) == ["Greet Ada,\nplease", "Greet Bea,\nplease", "Greet Cleo,\nplease"]
    assert asked.value("_ is greetings, greetings.text, greetings.items") == (
        "(True, ['**hello**', '**hello**', '**hello**'], ['Ada', 'Bea', 'Cleo'])"
    )


def test_a_bar_stands_where_the_table_will(asked: Kernel, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.says("yes")
    endpoint.says(gate, "yes")
    cell = asked.start("%ava --each names Greet {item}")
    waits_for(asked, cell, "1/3")
    assert WIDGET in cell.outputs[0]["data"]
    gate.open()
    asked.finish(cell)
    [output] = cell.outputs
    assert WIDGET not in output["data"]
    assert "<td" in output["data"][HTML]
    assert "3 replies" in output["data"][PLAIN]
    assert not cell.of_type("execute_result")
    assert not cell.left_open
    assert asked.value("len(__import__('tqdm').tqdm._instances)") == "0"


def test_the_bar_tells_the_rate_the_tokens_and_what_failed(asked: Kernel, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.answers(status=400, headers="Content-Length: 0\r\n")
    endpoint.says("four tokens of it")
    endpoint.says(gate, "yes")
    cell = asked.start("%ava --each names --concurrency 1 Greet {item}")
    waits_for(asked, cell, "4 tokens, 1 failed")
    waits_for(asked, cell, "it/s")
    gate.open()
    assert asked.finish(cell).status == "ok"
    assert "AvaError (bad_request)" in cell.outputs[0]["data"][PLAIN]
    assert asked.value("list(_.errors), _.errors[0].kind") == "([0], 'bad_request')"


def test_the_conversation_stays_as_it_is(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("yes")
    asked.run("%ava first?")
    asked.run("%ava --each names Greet {item}")
    assert endpoint.requests[-1].messages == [("user", endpoint.requests[-1].messages[0][1])]
    assert asked.run("%ava --history").shown.count("you:") == 1


def test_other_names_stand_for_the_notebooks_values(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("yes")
    asked.run("tone, item = 'warmly', 'mine'\n%ava --each names Greet {item} {tone} {\"a\": 1}")
    assert prompts(endpoint)[0] == 'Greet Ada warmly {"a": 1}'
    assert asked.value("item") == "'mine'"


def test_the_rows_of_a_table_are_items(asked: Kernel, endpoint: Endpoint) -> None:
    pytest.importorskip("pandas")
    endpoint.says("yes")
    asked.run("import pandas\ndf = pandas.DataFrame({'city': ['Oslo'], 'people': [700_000], 'items': [0.5]})")
    asked.run('%ava --each df {item.city} has {item.people:,}, {item["items"]}:\\n{item}')
    assert prompts(endpoint) == ["Oslo has 700,000, 0.5:\\ncity: Oslo\npeople: 700000\nitems: 0.5"]
    assert asked.value("list(_.to_dataframe().columns)[:4]") == "['city', 'people', 'items', 'text']"


def test_a_preview_sends_nothing_and_opens_no_file(asked: Kernel, endpoint: Endpoint, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    cell = asked.run(f"%ava --each names --into {path} --preview Greet {{item}}")
    assert "Greet {item}" in cell.outputs[0]["data"][PLAIN]
    assert not endpoint.requests
    assert not path.exists()


@pytest.mark.usefixtures("aborts_the_queue")
def test_an_interrupt_keeps_what_is_done(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("yes")
    endpoint.says("no", Gate())
    cell = asked.start("%ava --each names -o done --concurrency 1 Greet {item}")
    queued = asked.start("after = True")
    waits_for(asked, cell, "1/3")
    endpoint.wait_for_request(2)
    asked.interrupt()
    assert asked.finish(cell).error == "Stopped: stopped; the 1 that are done are kept, in _"
    assert asked.finish(queued).status == "aborted"
    assert endpoint.requests[1].hung_up.wait(20)
    assert asked.value("done.text, _ is done, done.notes[-1]") == "(['yes'], True, 'ended early, of 3')"
    assert "ended early, of 3" in cell.outputs[0]["data"][HTML]


def test_a_click_on_stop_keeps_what_is_done(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("yes")
    endpoint.says("no", Gate())
    cell = asked.run("pending = %ava -b --each names --concurrency 1 Greet {item}")
    endpoint.wait_for_request(2)
    [button] = [c for c in cell.of_type("comm_open") if c["data"]["state"].get("description") == "Stop"]
    asked.click(button["comm_id"])
    assert endpoint.requests[1].hung_up.wait(20)
    assert asked.wait_for_update(cell, "ended early, of 3")
    assert asked.value("pending.reply.text") == "['yes']"


def test_it_goes_on_after_a_stop(asked: Kernel, endpoint: Endpoint, tmp_path: Path) -> None:
    path = tmp_path / "greetings.jsonl"
    endpoint.says("yes")
    endpoint.says("no", Gate())
    code = f"%ava --each names --into {path} --concurrency 1 Greet {{item}}"
    cell = asked.start(code)
    waits_for(asked, cell, "1/3")
    endpoint.wait_for_request(2)
    asked.interrupt()
    assert f"in _ and in {path}: the same again goes on from there" in asked.finish(cell).error
    endpoint.forget()
    endpoint.says("again")
    cell = asked.run(code)
    assert asked.value("_.text") == "['yes', 'again', 'again']"
    assert prompts(endpoint) == ["Greet Bea", "Greet Cleo"]
    assert f"1 from {path}" in cell.outputs[0]["data"][PLAIN]
    cell = asked.run(f"%ava --each names --into {path} Say goodbye to {{item}}")
    assert "3 results of another request" in cell.outputs[0]["data"][PLAIN]


def test_what_came_before_an_error_is_kept(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("yes")
    asked.run("def numbers():\n    yield 1\n    yield 2\n    1 / 0\nn = numbers()")
    cell = asked.run("%ava --each n -o done Say {item}")
    assert "ZeroDivisionError" in cell.error
    assert asked.value("done.text, _ is done") == "(['yes', 'yes'], True)"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("%ava --each nobody Greet {item}", "there is no variable of that name"),
        ("%ava --each people[:3] Greet {item}", "write rows = people[:3] before, and --each rows"),
        ("%ava --each names.first Greet {item}", "write rows = names.first before, and --each rows"),
        ("greet = len\n%ava --each greet Greet {item}", "--each greet: builtin_function_or_method holds no items"),
        ("name = 'Ada'\n%ava --each name Greet {item}", "a text is one item"),
        ("none = []\n%ava --each none Greet {item}", "none holds no item, so nothing was asked"),
        ("%ava --each names Greet {item.first}", "{item.first} is not in the item, which has str"),
        ("%ava --each names Greet all", "nothing in the prompt stands for the item"),
        ("%ava --each names", "nothing is asked"),
        ("%ava --each names --raw Greet {item}", "do not go together"),
        ("%ava --concurrency 3 Greet", "--concurrency goes with --each NAME"),
        ("%ava --into x.jsonl Greet", "--into goes with --each NAME"),
        ("%ava --each names --concurrency 0 Greet {item}", "whole number above 0"),
        ("%ava --each names --into /nowhere/x.jsonl Greet {item}", "No such file or directory"),
        ("%ava --each names --into pyproject.toml Greet {item}", "is no result of --each, so the file was left"),
    ],
)
def test_what_cannot_be_asked_is_one_line(asked: Kernel, endpoint: Endpoint, code: str, says: str) -> None:
    asked.run("import os, ava_magic; os.chdir(os.path.dirname(os.path.dirname(ava_magic.__file__)))")
    cell = asked.run(code)
    assert cell.error.startswith("AvaError (config)")
    assert says in cell.error
    assert len(cell.error.splitlines()) == 1
    assert not endpoint.requests


def test_a_secret_is_not_sent_for_one_item_either(asked: Kernel, endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.says("yes")
    path = tmp_path / "x.jsonl"
    asked.run(
        "import os; os.environ['MY_API_KEY'] = 'not-' + 'a-' * 6 + 'word'\nsaid = ['x', os.environ['MY_API_KEY']]"
    )
    asked.run(f"%ava --each said --into {path} --concurrency 1 Say {{item}}")
    assert asked.value("_.errors[1].kind, _.text") == "('config', ['yes', ''])"
    assert len(endpoint.requests) == 1
    assert "a-a-a" not in path.read_text()
    asked.run("del os.environ['MY_API_KEY']")


def test_data_comes_back_as_data_from_the_file_too(asked: Kernel, endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.says('{"happy": true}')
    asked.run("from dataclasses import dataclass\n@dataclass\nclass Mood:\n    happy: bool")
    for _ in range(2):
        cell = asked.run(f"%ava --each names --schema Mood --into {tmp_path / 'moods.jsonl'} Is {{item}} happy?")
        assert cell.status == "ok", cell.error
        assert asked.value("{reply.data == Mood(True) for reply in _}, _[0].format") == "({True}, 'json')"
    assert len(endpoint.requests) == 3


def test_an_item_that_cannot_be_shown_costs_nothing_but_itself(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("yes")
    asked.run(
        "class Bad:\n    def __str__(self):\n        raise ValueError\n    __repr__ = __str__\nbad = [1, Bad(), 2]"
    )
    cell = asked.run("%ava --each bad Say {item}")
    assert cell.status == "ok", cell.error
    assert "<Bad, which raises ValueError>" in cell.outputs[0]["data"][PLAIN]
    assert asked.value("_.text, list(_.errors)") == "(['yes', '', 'yes'], [1])"


def test_it_runs_in_the_background(asked: Kernel, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.says(gate, "yes")
    cell = asked.run("pending = %ava -b --each names Greet {item}")
    assert "0 characters" in asked.value("pending")
    gate.open()
    asked.wait_for_update(cell, "3 replies")
    assert asked.run("(await pending).text").result == "['yes', 'yes', 'yes']"
    assert "3 replies" in asked.value("pending")


def test_it_runs_where_no_await_can_stand(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("yes")
    asked.run("def greet(people):\n    replies = %ava --each people Greet {item}\n    return replies.text")
    assert asked.run("greet(names)").result == "['yes', 'yes', 'yes']"


@pytest.mark.parametrize("attended", [True, False])
def test_the_bar_takes_far_fewer_messages_than_there_are_items(
    asked: Kernel, endpoint: Endpoint, attended: bool
) -> None:
    endpoint.says("yes")
    cell = asked.run("many = range(1500)\n%ava --each many Say {item}", allow_stdin=attended)
    assert cell.status == "ok"
    begun, over = (
        next(n for n, m in enumerate(cell.messages) if m["msg_type"] == kind and words in str(m["content"]))
        for kind, words in (("display_data", ""), ("update_display_data", "1,500 replies"))
    )
    kinds = ("comm_msg", "update_display_data", "display_data")
    frames = [message for message in cell.messages[begun:over] if message["msg_type"] in kinds]
    assert 1 < len(frames) < 150


def test_a_headless_run_ends_with_the_table(endpoint: Endpoint) -> None:
    endpoint.says("yes")
    cells = [
        f"%load_ext ava_magic\n%config AvaMagics.base_url = {endpoint.url!r}\nnames = ['Ada', 'Bea']",
        "%ava --each names Greet {item}",
        "pending = %ava -b --each names Greet {item}",
        "replies = await pending\nprint(len(replies))",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, kernel_name="python3").execute()
    for cell in notebook.cells[1:3]:
        [output] = cell.outputs
        assert "2 replies" in output["data"][HTML]
    assert notebook.cells[3].outputs[0]["text"] == "2\n"
    assert "widgets" not in notebook.metadata


@pytest.fixture
def terminal(terminal: Terminal) -> Terminal:
    """With items at hand."""
    terminal.run("names = ['Ada', 'Bea', 'Cleo']", 3)
    return terminal


def test_in_a_terminal_a_bar_runs_where_it_can_and_the_table_is_the_result(
    terminal: Terminal, endpoint: Endpoint, request: pytest.FixtureRequest
) -> None:
    gate = Gate()
    endpoint.says("first")
    endpoint.says(gate, "then")
    terminal.child.send("%ava --each names --concurrency 1 Greet {item}\r")
    is_simple = "simple" in request.node.name  # nothing that was printed is drawn over there, so there is no bar
    if is_simple:
        endpoint.wait_for_request(2)
    else:
        terminal.until("1/3")
    gate.open()
    screen = terminal.until(r"In \[4\]:")
    assert not (is_simple and "/3" in screen)
    assert "Cleo" in screen
    assert "3 replies" in screen
    assert "Traceback" not in screen
    assert "['first', 'then', 'then']" in terminal.run("_.text", 5)


def test_ctrl_c_in_a_terminal_keeps_what_is_done(terminal: Terminal, endpoint: Endpoint) -> None:
    endpoint.says("first")
    endpoint.says("then", Gate())
    terminal.child.send("%ava --each names --concurrency 1 Greet {item}\r")
    endpoint.wait_for_request(2)
    terminal.child.sendintr()
    screen = terminal.until(r"In \[4\]:")
    assert "Stopped: stopped; the 1 that are done are kept, in _" in screen.replace("\r\n", "")
    assert endpoint.requests[1].hung_up.wait(20)
    assert "['first']" in terminal.run("_.text", 5)


def test_an_error_of_the_items_own_code_is_shown_as_theirs(asked: Kernel, endpoint: Endpoint) -> None:
    """With the lines of the cell that hold it, and none of ours above them."""
    endpoint.says("yes")
    asked.run("def items():\n    yield 'one'\n    yield 1 / 0")
    asked.run("lazy = items()")
    for line in ("%ava --each lazy {item}", "def ask():\n    %ava --each lazy {item}\nlazy = items()\nask()"):
        shown = re.sub(r"\x1b\[[0-9;]*m", "", asked.run(line).error)
        assert "yield 1 / 0" in shown
        assert "ZeroDivisionError: division by zero" in shown
        assert "ava_magic" not in shown
        assert asked.value("_.text") == "['yes']"
