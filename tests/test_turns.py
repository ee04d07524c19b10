"""The conversation in a real kernel, with real cell ids: what is sent, what is shown, and what comes back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from .endpoint import END, Endpoint, Gate
from .kernel import HTML, Cell, Kernel


@pytest.fixture
def asked(asked: Kernel, tmp_path: Path) -> Kernel:
    """In a folder of its own."""
    asked.run(f"%config AvaMagics.retries = 0\n%cd -q {tmp_path}")
    return asked


@pytest.fixture(scope="module")
def second_kernel() -> Iterator[Kernel]:
    kernel = Kernel()
    yield kernel
    kernel.shutdown()


def sent(endpoint: Endpoint, number: int = -1) -> list[Any]:
    """What one request carried, by its words."""
    return [words for _, words in endpoint.requests[number].messages]


def fails(endpoint: Endpoint, message: str = "no") -> None:
    body = json.dumps({"error": {"message": message}}).encode()
    endpoint.answers(body, status=400, content_type="application/json")


def one_line(cell: Cell) -> str:
    assert len(cell.error.splitlines()) == 1, cell.error
    return cell.error


class TestSideBySide:
    def test_conversations_do_not_hear_each_other(self, asked: Kernel, endpoint: Endpoint) -> None:
        endpoint.says("ok")
        for code in ("%ava one", "%ava -c review two", "%ava --chat review three", "%ava four"):
            asked.run(code)
        assert [sent(endpoint, n) for n in range(4)] == [
            ["one"],
            ["two"],
            ["two", "ok", "three"],
            ["one", "ok", "four"],
        ]

    def test_the_state_and_the_history_say_which_is_meant(self, asked: Kernel, endpoint: Endpoint) -> None:
        endpoint.says("ok")
        asked.run("%ava one")
        asked.run("%ava -c review two")
        state = asked.run("%ava").stdout
        assert "1 in the conversation main" in state
        assert "review (1)" in state
        assert "Conversation main: 1 turn" in asked.run("%ava --history").shown
        shown = asked.run("%ava --history -c review").shown
        assert "Conversation review: 1 turn" in shown
        assert "you: two" in shown

    def test_a_reset_is_for_one_alone(self, asked: Kernel, endpoint: Endpoint) -> None:
        endpoint.says("ok")
        asked.run("%ava one")
        asked.run("%ava -c review two")
        assert "review is empty; 1 turn forgotten" in asked.run("%ava --reset -c review").stdout
        asked.run("%ava -c review three")
        asked.run("%ava four")
        assert (sent(endpoint, 2), sent(endpoint, 3)) == (["three"], ["one", "ok", "four"])

    @pytest.mark.parametrize("command", ["--history", "--reset", "--undo", "--retry", "--save x.md", "--usage"])
    def test_a_name_that_nobody_used_is_told(self, asked: Kernel, endpoint: Endpoint, command: str) -> None:
        endpoint.says("ok")
        asked.run("%ava -c review two")
        assert "did you mean review?" in one_line(asked.run(f"%ava {command} -c reveiw"))
        assert "there is main, review" in one_line(asked.run(f"%ava {command} -c x"))

    def test_outside_of_every_conversation_and_in_one_do_not_go_together(self, asked: Kernel) -> None:
        assert "-n and -c" in one_line(asked.run("%ava -n -c review hi"))

    @pytest.mark.parametrize("name", ['""', '" "', "x" * 61, '"a\tb"'])
    def test_what_is_no_name_is_refused(self, asked: Kernel, name: str) -> None:
        assert "must be a short name" in one_line(asked.run(f"%ava -c {name} hi"))


class TestRerun:
    def test_a_failed_one_keeps_the_former_turn_out_of_what_is_sent(self, asked: Kernel, endpoint: Endpoint) -> None:
        endpoint.says("ok")
        asked.run("%ava one", cell_id="a")
        asked.run("%ava two", cell_id="b")
        endpoint.forget()
        fails(endpoint)
        endpoint.says("fine")
        assert "no" in one_line(asked.run("%ava one, again", cell_id="a"))
        assert "not sent: its cell has failed since" in asked.run("%ava --history").shown
        asked.run("%ava three", cell_id="c")
        assert sent(endpoint) == ["two", "ok", "three"]
        asked.run("%ava one, at last", cell_id="a")
        assert sent(endpoint) == ["one, at last"]
        asked.run("%ava four", cell_id="d")
        assert sent(endpoint) == ["one, at last", "fine", "two", "ok", "three", "fine", "four"]

    @pytest.mark.parametrize("words", [[], [""], [" \n"]])
    def test_an_empty_one_does_the_same(self, asked: Kernel, endpoint: Endpoint, words: list[str]) -> None:
        endpoint.says("ok")
        endpoint.says(*words)
        endpoint.says("ok")
        asked.run("%ava one", cell_id="a")
        asked.run("%ava one, again", cell_id="a")
        asked.run("%ava two", cell_id="b")
        assert sent(endpoint) == ["two"]
        asked.run("%ava --undo 2")
        asked.run("%ava three", cell_id="c")
        assert sent(endpoint) == ["one", "ok", "three"]

    @pytest.mark.parametrize(
        "code",
        [
            "%ava -p nosuch hi",
            "%ava --nope hi",
            "%ava {token}",
            "undefined_name\n%ava hi",
            "%ava hi\nx = (",
            "raise KeyboardInterrupt",
            "import asyncio\nawait asyncio.sleep(0)\n1 / 0",
        ],
    )
    def test_one_that_fails_before_it_asks_does_the_same(self, asked: Kernel, endpoint: Endpoint, code: str) -> None:
        endpoint.says("ok")
        secret = "-".join(["gh" + "p_" + "a1B2" * 9])
        asked.run(f"token = {secret!r}", store_history=False)
        asked.run("%ava q1", cell_id="one")
        asked.run("%ava q2", cell_id="two")
        assert asked.run(code, cell_id="one").status == "error"
        assert len(endpoint.requests) == 2
        assert "not sent: its cell has failed since" in asked.run("%ava --history", cell_id="h").shown
        asked.run("%ava q3", cell_id="three")
        assert sent(endpoint) == ["q2", "ok", "q3"]
        assert "q1" in asked.run("%ava --undo 2", cell_id="u").shown
        asked.run("%ava q4", cell_id="four")
        assert sent(endpoint) == ["q1", "ok", "q2", "ok", "q4"]

    def test_what_the_failed_run_itself_added_stays(self, asked: Kernel, endpoint: Endpoint) -> None:
        endpoint.says("ok")
        asked.run("%ava q1", cell_id="one")
        asked.run("%ava q2\n1 / 0", cell_id="one")
        asked.run("%ava q3", cell_id="two")
        assert sent(endpoint) == ["q2", "ok", "q3"]

    @pytest.mark.parametrize(
        ("code", "options"), [("'fine'", {}), ("1 / 0", {"store_history": False}), ("1 / 0", {"cell_id": "other"})]
    )
    def test_other_cells_leave_it(self, asked: Kernel, endpoint: Endpoint, code: str, options: dict[str, Any]) -> None:
        endpoint.says("ok")
        asked.run("%ava q1", cell_id="one")
        asked.run(code, **{"cell_id": "one", **options})
        asked.run("%ava q2", cell_id="two")
        assert sent(endpoint) == ["q1", "ok", "q2"]

    def test_a_failed_one_sets_nothing_aside_where_reruns_add(self, asked: Kernel, endpoint: Endpoint) -> None:
        endpoint.says("ok")
        asked.run("%config AvaMagics.rerun = 'append'", cell_id="c")
        asked.run("%ava q1", cell_id="one")
        asked.run("%ava --nope", cell_id="one")
        asked.run("%ava q2", cell_id="two")
        asked.run("%config AvaMagics.rerun = 'replace'", cell_id="c")
        assert sent(endpoint) == ["q1", "ok", "q2"]

    def test_one_stopped_before_its_first_word_does_the_same(self, asked: Kernel, endpoint: Endpoint) -> None:
        gate = Gate()
        endpoint.says("ok")
        endpoint.answers(gate)
        endpoint.says("ok")
        asked.run("%ava one", cell_id="a")
        cell = asked.start("%ava one, again", cell_id="a")
        assert gate.reached.wait(20)
        asked.interrupt()
        asked.finish(cell)
        asked.run("%ava two", cell_id="b")
        assert sent(endpoint) == ["two"]

    def test_a_loop_replaces_all_its_turns_and_leaves_nothing_half(self, asked: Kernel, endpoint: Endpoint) -> None:
        endpoint.says("ok")
        asked.run("def ask(n):\n    return %ava number {n}\n")
        asked.run("for n in range(3):\n    ask(n)", cell_id="a")
        asked.run("%ava after", cell_id="b")
        asked.run("for n in range(5, 7):\n    ask(n)", cell_id="a")
        assert sent(endpoint) == ["number 5", "ok", "number 6"]
        asked.run("%ava last", cell_id="c")
        assert sent(endpoint)[::2] == ["number 5", "number 6", "after", "last"]
        endpoint.forget()
        endpoint.says("ok")
        fails(endpoint)
        endpoint.says("ok")
        asked.run("for n in range(8, 10):\n    ask(n)", cell_id="a")
        asked.run("%ava last", cell_id="c")
        assert sent(endpoint)[::2] == ["number 8", "after", "last"]

    def test_without_cell_ids_the_run_is_the_anchor(self, asked: Kernel, endpoint: Endpoint) -> None:
        endpoint.says("ok")
        endpoint.says("ok")
        fails(endpoint)
        endpoint.says("ok")
        for code in ("for n in '12':\n    %ava one {n}", "%ava one", "%ava one"):
            asked.run(code)
        assert sent(endpoint)[::2] == ["one 1", "one 2", "one"]
        asked.run("%ava --undo 1")
        asked.run("%ava two")
        assert sent(endpoint)[::2] == ["one 1", "one 2", "two"]


class TestRetry:
    def test_the_new_answer_takes_the_place_of_the_last(self, asked: Kernel, endpoint: Endpoint) -> None:
        endpoint.says("ok")
        asked.run("%ava one", cell_id="a")
        asked.run("%ava two", cell_id="b")
        endpoint.forget()
        endpoint.says("better")
        cell = asked.run("%ava --retry -t 0.5", cell_id="r")
        assert "better" in cell.outputs[0]["data"][HTML]
        assert asked.value("str(_)") == "'better'"
        assert sent(endpoint) == ["one", "ok", "two"]
        assert endpoint.requests[0].json["temperature"] == 0.5
        asked.run("%ava three", cell_id="c")
        assert sent(endpoint) == ["one", "ok", "two", "better", "three"]
        asked.run("%ava two, anew", cell_id="b")
        asked.run("%ava four", cell_id="d")
        assert sent(endpoint)[::2] == ["one", "two, anew", "three", "four"]

    def test_a_question_that_failed_is_asked_again(self, asked: Kernel, endpoint: Endpoint) -> None:
        endpoint.says("ok")
        fails(endpoint)
        fails(endpoint)
        endpoint.says("at last")
        asked.run("%ava one")
        asked.run("x = 7\n%ava two {x}")
        asked.run("x = 8\n%ava --retry")
        asked.run("%ava --retry")
        assert [sent(endpoint, n) for n in (1, 2, 3)] == [["one", "ok", "two 7"]] * 3
        asked.run("%ava three")
        assert sent(endpoint) == ["one", "ok", "two 7", "at last", "three"]

    def test_one_that_fails_leaves_the_answer_that_was_there(self, asked: Kernel, endpoint: Endpoint) -> None:
        endpoint.says("ok")
        fails(endpoint)
        endpoint.says("ok")
        asked.run("%ava one")
        asked.run("%ava --retry")
        asked.run("%ava two")
        assert sent(endpoint) == ["one", "ok", "two"]

    def test_where_nothing_was_asked_there_is_nothing_to_ask_again(self, asked: Kernel) -> None:
        assert "nothing was asked in the conversation main" in one_line(asked.run("%ava --retry"))


def test_undo_brings_back_what_a_reset_forgot(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("ok")
    asked.run("%ava one")
    asked.run("%ava --reset")
    assert asked.run("%ava --reset").stdout == "The conversation main was empty already.\n"
    assert "Taken back: the reset. The conversation main has 1 turn now." in asked.run("%ava --undo").stdout
    said = asked.run("%ava --undo 5").stdout
    assert "Taken back: the turn \u201cone\u201d" in said
    assert "Nothing has changed" in asked.run("%ava --undo").stdout


def test_the_history_can_be_had_as_an_object(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("ok")
    asked.run("%ava one")
    cell = asked.run("%ava --history -o talk")
    assert "<table>" in cell.outputs[0]["data"][HTML]
    assert asked.value("talk[0].prompt, len(talk[1:]), talk.to_openai()[1]['content']") == "('one', 0, 'ok')"
    assert "<table>" in asked.run("talk").of_type("execute_result")[0]["data"][HTML]


def test_the_history_says_what_the_next_question_takes_along(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("ok")
    asked.run("%ava one")
    asked.run("%ava two")
    asked.run("%config AvaMagics.context_tokens = 15")
    shown = asked.run("%ava --history").shown
    assert "takes 1 turn of it along" in shown
    assert shown.index("no room in context_tokens") < shown.index("you: one") < shown.index("you: two")
    asked.run("%ava three")
    assert len(endpoint.requests[-1].messages) == 3


def test_tokens_are_counted_as_the_endpoint_reports_them(asked: Kernel, endpoint: Endpoint) -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 7}}
    endpoint.answers("yes", b"data: " + json.dumps(usage).encode() + b"\n\n", END)
    asked.run("%ava really and truly?")
    asked.run("%ava -n -m other really and truly?")
    asked.run("%ava --models")  # which costs nothing
    shown = asked.run("%ava --usage").shown
    rows = [line.split() for line in shown.split("\n")[1:]]
    assert ["main", "scripted", "1", "12", "7"] in rows
    assert ["together", "2", "24", "14"] in rows
    assert "about" not in shown
    assert "\u00b7 19 tokens \u00b7" in asked.run("%ava --history").shown


@pytest.mark.parametrize(
    ("code", "advice"),
    [("%ava two", "context_tokens, it is 16,000 now"), ("%ava -n two", "shorten the question")],
)
def test_too_long_for_the_model_says_what_to_do(asked: Kernel, endpoint: Endpoint, code: str, advice: str) -> None:
    endpoint.says("ok")
    fails(endpoint, "This model's maximum context length is 8192 tokens.")
    asked.run("%ava one")
    said = one_line(asked.run(code))
    assert "(bad_request)" in said
    assert "maximum context length is 8192" in said
    assert advice in said


@pytest.mark.parametrize("name", ["talk.json", "talk.md", '"my talk.md"'])
def test_a_conversation_is_saved_and_loaded(asked: Kernel, endpoint: Endpoint, tmp_path: Path, name: str) -> None:
    endpoint.says("ok")
    asked.run("%ava one", cell_id="a")
    assert "1 turn of the conversation main saved in" in asked.run(f"%ava --save {name}").stdout
    asked.run("%ava two", cell_id="b")
    assert "in place of 2" in asked.run(f"%ava --load {name}").stdout
    assert "1 turn loaded into the conversation other." in asked.run(f"%ava --load {name} -c other").stdout
    asked.run("%ava three", cell_id="c")
    assert sent(endpoint) == ["one", "ok", "three"]
    asked.run("%ava one, again", cell_id="a")
    assert sent(endpoint) == ["one, again"]


def test_a_file_that_is_damaged_changes_nothing(asked: Kernel, endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.says("ok")
    asked.run("%ava one")
    (tmp_path / "talk.json").write_text('{"ava_magic": ')
    assert "no conversation that --save wrote" in one_line(asked.run("%ava --load talk.json"))
    assert "no conversation that --save wrote" in one_line(asked.run("%ava --load talk.json -c other"))
    asked.run("%ava two")
    assert sent(endpoint) == ["one", "ok", "two"]


class TestResume:
    """A notebook's file, and a kernel that was restarted."""

    @pytest.fixture
    def restarted(self, second_kernel: Kernel, endpoint: Endpoint, tmp_path: Path) -> Kernel:
        """A kernel that knows nothing yet but what Jupyter's server tells it: the path of the notebook."""
        second_kernel.run(f"import os\nos.environ['JPY_SESSION_NAME'] = {str(tmp_path / 'notebook.ipynb')!r}")
        second_kernel.run(f"%reload_ext ava_magic\n%config AvaMagics.base_url = {endpoint.url!r}")
        return second_kernel

    def write(self, path: Path, cells: dict[str, Cell]) -> None:
        """Save the cells as a front end does."""
        notebook = nbformat.v4.new_notebook()
        for cell_id, cell in cells.items():
            outputs = [nbformat.v4.new_output("display_data", o["data"], metadata=o["metadata"]) for o in cell.outputs]
            count = cell.reply.get("execution_count")
            notebook.cells.append(nbformat.v4.new_code_cell(id=cell_id, outputs=outputs, execution_count=count))
        nbformat.validate(notebook)
        nbformat.write(notebook, path)

    def test_the_conversation_is_back_and_its_cells_replace_their_turns(
        self, asked: Kernel, restarted: Kernel, endpoint: Endpoint, tmp_path: Path
    ) -> None:
        endpoint.says("ok")
        code = {
            "a": "%ava one",
            "b": "for n in '12':\n    %ava number {n}",
            "c": "%ava -n alone",
            "d": "%ava -c review other",
        }
        cells = {name: asked.run(line, cell_id=name) for name, line in code.items()}
        self.write(tmp_path / "notebook.ipynb", cells)
        said = restarted.run("%ava --resume", cell_id="a").stdout
        assert str(tmp_path / "notebook.ipynb") in said
        assert re.search(r"as it was saved \d+ s ago, gave 3 turns to the conversation main\.", said)
        assert "review (1); -c NAME takes one" in said
        assert "not in it" not in said
        restarted.run("%ava two", cell_id="new")
        assert sent(endpoint)[::2] == ["one", "number 1", "number 2", "two"]
        restarted.run("%ava one number", cell_id="b")
        assert sent(endpoint)[::2] == ["one", "one number"]
        restarted.run("%ava three", cell_id="newer")
        assert sent(endpoint)[::2] == ["one", "one number", "two", "three"]
        assert "gave 1 turn to the conversation review" in restarted.run("%ava --resume -c review").stdout

    def test_what_failed_or_was_cut_short_does_not_come_back(
        self, asked: Kernel, restarted: Kernel, endpoint: Endpoint, tmp_path: Path
    ) -> None:
        endpoint.says("ok")
        fails(endpoint)
        endpoint.answers("half")  # and no end
        endpoint.says("")
        lines = {"a": "one", "b": "fails", "c": "is cut", "d": "is empty"}
        cells = {name: asked.run(f"%ava {words}", cell_id=name) for name, words in lines.items()}
        assert "half" in cells["c"].outputs[0]["data"][HTML]
        self.write(tmp_path / "notebook.ipynb", cells)
        assert "gave 1 turn" in restarted.run("%ava --resume").stdout

    def test_what_retry_brought_comes_back_in_its_place(
        self, asked: Kernel, restarted: Kernel, endpoint: Endpoint, tmp_path: Path
    ) -> None:
        endpoint.says("ok")
        endpoint.says("better")
        cells = {name: asked.run(f"%ava {words}", cell_id=name) for name, words in (("a", "one"), ("r", "--retry"))}
        self.write(tmp_path / "notebook.ipynb", cells)
        restarted.run("%ava --resume")
        restarted.run("%ava two", cell_id="b")
        assert sent(endpoint) == ["one", "better", "two"]

    def test_another_notebook_on_the_same_kernel_is_told_of_and_can_be_named(
        self, asked: Kernel, restarted: Kernel, endpoint: Endpoint, tmp_path: Path
    ) -> None:
        endpoint.says("ok")
        self.write(tmp_path / "notebook.ipynb", {"a": asked.run("%ava one", cell_id="a")})
        self.write(tmp_path / "other one.ipynb", {"b": asked.run("%ava two", cell_id="b")})
        said = restarted.run("%ava --resume", cell_id="b").stdout
        assert "This cell is not in it" in said
        said = restarted.run(f'%ava --resume "{tmp_path}/other one.ipynb"', cell_id="b").stdout
        assert "gave 1 turn to the conversation main, in place of 1" in said
        assert "not in it" not in said
        restarted.run("%ava three", cell_id="c")
        assert sent(endpoint) == ["two", "ok", "three"]
        restarted.run("%ava --undo 2")
        restarted.run("%ava four", cell_id="d")
        assert sent(endpoint) == ["one", "ok", "four"]

    def test_a_notebook_without_replies_changes_nothing(
        self, asked: Kernel, restarted: Kernel, endpoint: Endpoint, tmp_path: Path
    ) -> None:
        endpoint.says("ok")
        restarted.run("%ava one", cell_id="a")
        self.write(tmp_path / "notebook.ipynb", {"a": asked.run("%ava -c review one", cell_id="a")})
        said = one_line(restarted.run("%ava --resume", cell_id="b"))
        assert "holds no reply of the conversation main" in said
        assert "review (1)" in said
        restarted.run("%ava two", cell_id="b")
        assert sent(endpoint) == ["one", "ok", "two"]

    def test_a_notebook_of_a_newer_version_says_that_it_cannot_be_read(
        self, asked: Kernel, restarted: Kernel, endpoint: Endpoint, tmp_path: Path
    ) -> None:
        endpoint.says("ok")
        cell = asked.run("%ava one", cell_id="a")
        cell.outputs[0]["metadata"]["ava_magic"]["format"] = 99
        self.write(tmp_path / "notebook.ipynb", {"a": cell})
        assert "conversation main; 1 output could not be read" in one_line(restarted.run("%ava --resume", cell_id="b"))

    def test_where_nobody_tells_which_notebook_it_is_the_path_is_asked_for(self, asked: Kernel) -> None:
        assert "--resume PATH" in one_line(asked.run("%ava --resume"))
        assert "No such file" in one_line(asked.run("%ava --resume missing.ipynb"))
