"""Several models asked the same at once: columns in a notebook, one under the other elsewhere."""

from __future__ import annotations

import json
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from ava_magic.arguments import compared_settings, parse
from ava_magic.errors import AvaError

from .endpoint import Endpoint, Gate
from .kernel import HTML, PLAIN, WIDGET, Cell, Kernel
from .terminal import Terminal


def both_begun(asked: Kernel, cell: Cell, *words: str) -> None:
    asked.collect(cell, lambda: all(any(word in html for html in cell.painted) for word in words))


def history(asked: Kernel) -> str:
    return asked.run("%ava --history").shown


def click(asked: Kernel, cell: Cell, number: int) -> None:
    buttons = [c for c in cell.of_type("comm_open") if c["data"]["state"].get("description") == "Stop"]
    asked.click(buttons[number]["comm_id"])


def test_the_replies_stream_at_once_and_end_as_one_output(asked: Kernel, endpoint: Endpoint) -> None:
    first, second = Gate(), Gate()
    endpoint.says("alpha", first, " *one*", to="a")
    endpoint.says("beta", second, " *two*", to="b")
    cell = asked.start("%ava -m a -m b -o both what?")
    both_begun(asked, cell, "alpha", "beta")  # neither has ended
    second.open()
    both_begun(asked, cell, "<em>two</em>")
    asked.collect(
        cell, lambda: any(">openai-compatible \\u00b7 scripted" in json.dumps(c) for c in cell.of_type("comm_msg"))
    )
    first.open()
    asked.finish(cell)
    assert cell.status == "ok"
    [output] = cell.outputs
    assert WIDGET not in output["data"]
    assert output["data"][HTML].count("display: inline-block") == 2
    assert output["data"][HTML].index("<em>one</em>") < output["data"][HTML].index("<em>two</em>")
    assert "**b**\n\nbeta *two*" in output["data"]["text/markdown"]
    assert not cell.of_type("execute_result")
    assert not cell.left_open
    assert sorted(request.json["model"] for request in endpoint.requests) == ["a", "b"]
    assert asked.value("_ is both, both.text, both.items") == "(True, ['alpha *one*', 'beta *two*'], ['a', 'b'])"


def test_a_columns_name_is_told_once_above_its_text(asked: Kernel, endpoint: Endpoint) -> None:
    """The endpoint calls itself ``scripted``: what another column asked for is told beside that."""
    endpoint.says("word")
    [output] = asked.run("%ava -m scripted -m other what?").outputs
    same, other = (column.partition("word")[0] for column in output["data"][HTML].split("display: inline-block")[1:])
    assert same.count("scripted") == 1
    assert other.count("other") == other.count("scripted") == 1


def test_the_first_goes_on_in_the_conversation_and_keep_changes_that(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("before")
    asked.run("%ava first?", cell_id="x")
    endpoint.forget()
    endpoint.says("from a", to="a")
    endpoint.says("from b", to="b")
    cell = asked.run("%ava -m a -m b what?", cell_id="y")
    assert "goes on in the conversation (%ava --keep b changes that)" in cell.outputs[0]["data"][PLAIN]
    assert [request.messages[:2] for request in endpoint.requests] == [
        [("user", "first?"), ("assistant", "before")]
    ] * 2
    endpoint.says("then")
    asked.run("%ava and now?", cell_id="z")
    assert ("assistant", "from a") in endpoint.requests[-1].messages
    choice = asked.run("%ava --keep b")
    assert choice.stdout == "The conversation goes on with the reply of b.\n"
    [shown] = choice.of_type("update_display_data")  # the notebook's file is what --resume reads
    assert shown["transient"] == cell.outputs[0]["transient"]
    assert "goes on in the conversation (%ava --keep a changes that)" in shown["data"][PLAIN].partition("== b ==")[2]
    assert shown["data"][PLAIN].count("goes on") == 1
    assert shown["metadata"]["ava_magic"]["reply"] == "from b"
    asked.run("%ava and now?", cell_id="z")
    assert endpoint.requests[-1].messages[2:4] == [("user", "what?"), ("assistant", "from b")]
    assert history(asked).count("you:") == 3
    assert "older" not in history(asked)
    assert "the choice of b" in asked.run("%ava --undo 2").stdout


def test_keep_chooses_ahead(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("from a", to="a")
    endpoint.says("from b", to="b")
    cell = asked.run("%ava -m a -m b --keep b what?")
    assert "from b" in history(asked)
    assert cell.outputs[0]["metadata"]["ava_magic"]["reply"] == "from b"


def test_a_cell_that_is_run_again_replaces_its_turn(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("yes")
    for _ in range(2):
        asked.run("%ava -m a -m b what?", cell_id="x")
    assert history(asked).count("you:") == 1


def test_without_history_none_goes_on(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("yes")
    cell = asked.run("%ava -n -m a -m b what?")
    assert "goes on" not in cell.outputs[0]["data"][PLAIN]
    assert "is empty" in history(asked)
    assert "is in the conversation any more" in asked.run("%ava --keep b").error


def test_one_that_fails_leaves_the_others(asked: Kernel, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.answers(status=400, headers="Content-Length: 0\r\n", to="a")
    endpoint.says("still ", gate, "here", to="b")
    cell = asked.start("%ava -m a -m b what?")
    both_begun(asked, cell, "still")
    asked.collect(cell, lambda: any("AvaError (bad_request)" in json.dumps(c) for c in cell.of_type("comm_msg")))
    gate.open()
    assert asked.finish(cell).status == "ok"
    assert "still here" in cell.outputs[0]["data"][HTML]
    assert "AvaError (bad_request)" in cell.outputs[0]["data"][HTML]
    assert asked.value("list(_.errors), _.text") == "([0], ['', 'still here'])"
    assert "still here" in history(asked)
    assert "nothing came from a" in asked.run("%ava --keep a").error


def test_each_has_a_stop_of_its_own(asked: Kernel, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.says("alpha", Gate(), "never", to="a")
    endpoint.says("beta", gate, " whole", to="b")
    cell = asked.run("pending = %ava -b -m a -m b what?")
    asked.run("import time\nwhile not pending.reply or not all(pending.reply.text): time.sleep(0.01)")
    click(asked, cell, 0)
    requests = {request.model: request for request in endpoint.requests}
    assert requests["a"].hung_up.wait(20)
    assert not requests["b"].hung_up.is_set()
    gate.open()
    output = asked.wait_for_update(cell, "beta whole")
    assert "stopped before its end" in output["data"][PLAIN]
    assert asked.value("pending.reply.text, [r.partial for r in pending.reply]") == (
        "(['alpha', 'beta whole'], [True, False])"
    )
    assert "beta whole" in history(asked)  # the first that came whole


def test_an_interrupt_stops_them_all_and_keeps_what_had_come(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("alpha", Gate(), to="a")
    endpoint.says("beta", Gate(), to="b")
    cell = asked.start("%ava -m a -m b what?")
    both_begun(asked, cell, "alpha", "beta")
    asked.interrupt()
    assert asked.finish(cell).error.startswith("Stopped: the replies were stopped")
    assert all(request.hung_up.wait(20) for request in endpoint.requests)
    assert cell.outputs[0]["data"][PLAIN].count("stopped before its end") == 2
    assert asked.value("_.text") == "['alpha', 'beta']"
    assert "(stopped)" in history(asked)


def test_providers_stand_side_by_side(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("from the endpoint")
    asked.run("%config AvaMagics.base_url = ''")
    cell = asked.run(f"import os; os.environ['AVA_BASE_URL'] = {endpoint.url!r}\n%ava -p guide -p auto what is -b?")
    assert "from the endpoint" in cell.outputs[0]["data"][PLAIN]
    assert "--background" in cell.outputs[0]["data"][PLAIN]
    assert asked.value("[r.provider for r in _]") == "['guide', 'openai-compatible']"
    asked.run("del os.environ['AVA_BASE_URL']")


def test_a_label_is_text(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("yes")
    cell = asked.run('%ava -n -m "<img src=x>" -m "$b$ [c](javascript:d)" what?')
    data = cell.outputs[0]["data"]
    assert "<img" not in data[HTML]
    assert "<b>&lt;img" in data[HTML]
    assert "<img" not in data["text/markdown"]
    assert "](javascript" not in data["text/markdown"]


def test_a_preview_shows_each_request(asked: Kernel, endpoint: Endpoint) -> None:
    cell = asked.run("%ava -m a -m b --preview what?")
    assert [output["data"][PLAIN].count('"model": "') for output in cell.outputs] == [1, 1]
    assert not endpoint.requests


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("%ava -m a -m a what?", "name two of them alike"),
        ("%ava -m a -m b -p x -p y -p z what?", "go in pairs"),
        ("%ava -m a -m b --keep c what?", "--keep c: none is called so of a, b"),
        ("%ava -m a --keep a what?", "--keep goes with -m or -p given more than once"),
        ("%ava -p nobody -p guide what?", "no provider is called 'nobody'"),
        ("%ava -m a -m b --each x {item}", "--each goes with one model"),
        ("%ava -m a -m b", "nothing is asked"),
        ("%reload_ext ava_magic\n%ava --keep a", "there are none"),
    ],
)
def test_what_does_not_fit_is_one_line(asked: Kernel, code: str, says: str) -> None:
    cell = asked.run(code)
    assert says in cell.error
    assert len(cell.error.splitlines()) == 1


def test_models_and_providers_go_in_pairs() -> None:
    settings: Any = compared_settings(parse("-p x -m a -p y -m b what?"))
    assert settings == {"x a": {"provider": "x", "model": "a"}, "y b": {"provider": "y", "model": "b"}}
    assert compared_settings(parse("-m a -p x what?")) == {}
    assert list(compared_settings(parse("-p x -m a -m b what?"))) == ["a", "b"]
    with pytest.raises(AvaError, match="given twice"):
        parse("-t 1 -t 2 what?")


def test_a_headless_run_has_the_columns(endpoint: Endpoint) -> None:
    endpoint.says("yes")
    cells = [f"%load_ext ava_magic\n%config AvaMagics.base_url = {endpoint.url!r}", "%ava -m a -m b what?"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, kernel_name="python3").execute()
    [output] = notebook.cells[1].outputs
    assert output["data"][HTML].count("display: inline-block") == 2
    assert "widgets" not in notebook.metadata


def test_without_widgets_the_columns_stream_too(asked: Kernel, endpoint: Endpoint) -> None:
    first, second = Gate(), Gate()
    endpoint.says("alpha", first)
    endpoint.says("beta", second)
    cell = asked.start("%ava -m a -m b what?", allow_stdin=False)
    asked.collect(
        cell,
        lambda: any(
            "alpha" in (html := c["data"][HTML]) and "beta" in html for c in cell.of_type("update_display_data")
        ),
    )
    first.open()
    second.open()
    assert asked.finish(cell).status == "ok"


@pytest.mark.parametrize(("display", "option"), [("text", ""), ("auto", "-f text")])
def test_plain_text_streams_in_columns_too(asked: Kernel, endpoint: Endpoint, display: str, option: str) -> None:
    asked.run(f"%config AvaMagics.display = {display!r}")
    first, second = Gate(), Gate()
    endpoint.says("**alpha**\n", first, "<end>")
    endpoint.says("**beta**\n", second, "<end>")
    cell = asked.start(f"%ava {option} -m a -m b what?")
    asked.collect(
        cell,
        lambda: any(
            "**alpha**" in (html := c["data"][HTML]) and "**beta**" in html for c in cell.of_type("update_display_data")
        ),
    )
    first.open()
    second.open()
    assert asked.finish(cell).status == "ok", cell.error
    assert not any(WIDGET in c["data"] for c in cell.of_type("display_data"))
    assert "<end>" in cell.outputs[0]["data"][PLAIN]


def test_in_a_terminal_they_stand_under_each_other(terminal: Terminal, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.says("alpha", gate, " whole", to="a")
    endpoint.says("beta whole", to="b")
    terminal.child.send("%ava -m a -m b what?\r")
    terminal.until("== a ==")
    terminal.until("alpha")
    endpoint.wait_for_request(2)
    gate.open()
    screen = terminal.until(r"In \[3\]:")
    assert "goes on in the conversation" in " ".join(screen.split())
    assert screen.index("whole") < screen.index("== b ==") < screen.index("beta whole")
    assert "shown above" in screen.replace("\r\n", "")
    assert "Traceback" not in screen
    assert "goes on with the reply of b" in terminal.run("%ava --keep b", 4)


def test_ctrl_c_in_a_terminal_stops_them_all(terminal: Terminal, endpoint: Endpoint) -> None:
    endpoint.says("alpha", Gate(), to="a")
    endpoint.says("beta", Gate(), to="b")
    terminal.child.send("%ava -m a -m b what?\r")
    terminal.until("alpha")
    endpoint.wait_for_request(2)
    terminal.child.sendintr()
    screen = terminal.until(r"In \[3\]:")
    assert "beta" in screen
    assert screen.count("Stopped: ") == 1
    assert all(request.hung_up.wait(20) for request in endpoint.requests)
    assert "'alpha'" in terminal.run("_.text", 4)
