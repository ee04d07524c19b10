"""The conversation rebuilt from a notebook's file, whatever has happened to the file since."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_magic import AvaError
from ava_magic.conversation.exchanges import Anchor
from ava_magic.conversation.resume import Resumed, find_notebook, resume


def output(prompt: str, cell: str = "", run: str = "", *, chat: str | None = "main", **more: Any) -> dict[str, Any]:
    """An output as a reply leaves it."""
    where = {"cell": cell, "run": run} if cell else {}
    record: dict[str, Any] = {
        "format": 1,
        "chat": chat,
        "prompt": prompt,
        "reply": f"re: {prompt}",
        "provider": "p",
        **where,
        **more,
    }
    return {"output_type": "display_data", "data": {}, "metadata": {"ava_magic": record}}


def cell(cell_id: str, *outputs: Any, **more: Any) -> dict[str, Any]:
    return {"cell_type": "code", "id": cell_id, "source": "", "metadata": {}, "outputs": list(outputs), **more}


def resumed(tmp_path: Path, *cells: Any, name: str = "main") -> Resumed:
    path = tmp_path / "notebook.ipynb"
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return resume(path, name)


def turns(found: Resumed) -> list[tuple[Any, str | None]]:
    return [(exchange.prompt, exchange.anchor.cell) for exchange in found.exchanges]


def test_each_turn_is_anchored_to_its_cell_and_keeps_what_is_known(tmp_path: Path) -> None:
    known: dict[str, Any] = {"model": "m", "at": 1.5, "partial": True, "tokens": [3, 4]}
    found = resumed(tmp_path, cell("A", output("a", "A", "1", **known), execution_count=7), {"cell_type": "markdown"})
    [exchange] = found.exchanges
    assert exchange.anchor == Anchor("A", "1")
    assert (exchange.anchor.number, exchange.model, exchange.at) == (7, "m", 1.5)
    assert (exchange.partial, exchange.counts, exchange.reply) == (True, (3, 4), "re: a")
    assert found.cells == {"A"}
    assert found.saved == (tmp_path / "notebook.ipynb").stat().st_mtime


def test_cells_that_were_moved_give_their_turns_in_the_order_they_have_now(tmp_path: Path) -> None:
    found = resumed(tmp_path, cell("B", output("b", "B", "2", at=1)), cell("A", output("a", "A", "1", at=2)))
    assert turns(found) == [("b", "B"), ("a", "A")]


def test_a_cell_that_asked_several_times_gives_all_its_turns(tmp_path: Path) -> None:
    found = resumed(tmp_path, cell("A", output("a", "A", "1", at=1), output("a'", "A", "1", at=2)))
    assert turns(found) == [("a", "A"), ("a'", "A")]


@pytest.mark.parametrize("copy_first", [False, True])
def test_a_copied_cell_does_not_ask_twice(tmp_path: Path, copy_first: bool) -> None:
    original, copy = cell("A", output("a", "A", "1", at=1)), cell("C", output("a", "A", "1", at=1))
    cells = [copy, original] if copy_first else [original, copy]
    assert turns(resumed(tmp_path, *cells, cell("B", output("b", "B", "2", at=2)))) == [("a", "A"), ("b", "B")]


def test_of_two_copies_whose_original_was_deleted_the_first_counts(tmp_path: Path) -> None:
    copies = [cell(name, output("a", "A", "1", at=1)) for name in ("C", "D")]
    assert turns(resumed(tmp_path, *copies)) == [("a", "C")]


def test_a_cell_that_asks_the_same_twice_is_no_copy(tmp_path: Path) -> None:
    assert len(turns(resumed(tmp_path, cell("A", output("a", "A", "1", at=1), output("a", "A", "1", at=2))))) == 2


def test_what_was_asked_outside_the_conversation_is_no_part_of_it(tmp_path: Path) -> None:
    found = resumed(
        tmp_path,
        cell("A", output("alone", "A", "1", chat=None), output("a", "A", "1")),
        cell("B", output("b", "B", "2", chat="review")),
        cell("C", output("c", "C", "3", reply="")),
    )
    assert turns(found) == [("a", "A")]
    assert (found.others, found.unread) == ({"review": 1}, 0)
    assert turns(resume(tmp_path / "notebook.ipynb", "review")) == [("b", "B")]


@pytest.mark.parametrize("retry_first", [False, True])
@pytest.mark.parametrize(("question", "replies"), [("a", ["better", "re: b"]), ("b", ["re: a", "better"])])
def test_what_was_asked_again_by_retry_stands_where_the_question_was(
    tmp_path: Path, retry_first: bool, question: str, replies: list[str]
) -> None:
    asked = [cell("A", output("a", "A", "1", at=1)), cell("B", output("b", "B", "2", at=2))]
    again = cell("R", output(question, question.upper(), "1", at=3, reply="better", retry=True))
    found = resumed(tmp_path, *([again, *asked] if retry_first else [*asked, again]))
    assert turns(found) == [("a", "A"), ("b", "B")]
    assert [exchange.reply for exchange in found.exchanges] == replies


def test_an_answer_by_retry_whose_question_was_deleted_is_kept(tmp_path: Path) -> None:
    assert turns(resumed(tmp_path, cell("R", output("a", "A", "1", retry=True)))) == [("a", "R")]


def test_outputs_of_the_first_version_are_read(tmp_path: Path) -> None:
    """What 0.1.0 wrote before there was --resume: no names, no runs, no times."""
    old = {"format": 1, "prompt": "a", "reply": "b", "model": None, "provider": "p", "partial": False}
    reply = {"output_type": "display_data", "metadata": {"ava_magic": old}}
    found = resumed(tmp_path, cell("A", reply), cell("B", reply))
    assert turns(found) == [("a", "A"), ("a", "B")]  # nothing tells a copy from a question that was asked twice


def test_a_notebook_without_cell_ids_gives_turns_without_cells(tmp_path: Path) -> None:
    without = cell("A", output("a", "A", "1"))
    del without["id"]
    assert turns(resumed(tmp_path, without)) == [("a", None)]


@pytest.mark.parametrize(
    "record",
    [
        None,
        "x",
        [],
        {},
        {"format": 2, "prompt": "a", "reply": "b"},
        {"format": 1, "prompt": "a"},
        {"format": 1, "prompt": "a", "reply": 5},
        {"format": 1, "prompt": {"a": 1}, "reply": "b"},
        {"format": 1, "prompt": [{"type": "image_url", "image_url": {"url": "https://x.invalid/"}}], "reply": "b"},
        {"format": 1, "prompt": "a", "reply": "b", "model": ["m"]},
        {"format": 1, "prompt": "a", "reply": "b", "at": "yesterday"},
        {"format": 1, "prompt": "a", "reply": "b", "run": "x" * 1_000},
        {"format": 1, "prompt": "a", "reply": "b", "partial": "yes"},
    ],
)
def test_a_record_that_is_none_is_passed_over_and_counted(tmp_path: Path, record: Any) -> None:
    bad = {"output_type": "display_data", "metadata": {"ava_magic": record}}
    found = resumed(tmp_path, cell("A", bad, output("a", "A", "1")))
    assert turns(found) == [("a", "A")]
    assert found.unread == 1


def test_a_strangers_notebook_cannot_set_turns_aside_or_name_another_cell(tmp_path: Path) -> None:
    found = resumed(tmp_path, cell("A", output("a", "elsewhere", "1", aside=True)))
    assert turns(found) == [("a", "A")]
    assert not found.exchanges[0].aside


@pytest.mark.parametrize(
    "cells",
    [
        [None, "x", 5, []],
        [{"outputs": None}, {"outputs": [None, "x", {"metadata": None}, {"metadata": []}]}],
        [{"id": 5, "outputs": [{"metadata": {}}]}],
    ],
)
def test_cells_that_are_none_are_passed_over(tmp_path: Path, cells: list[Any]) -> None:
    assert turns(resumed(tmp_path, *cells, cell("A", output("a", "A", "1")))) == [("a", "A")]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": {}}', '{"worksheets": []}', "[" * 100_000, "\x00"])
def test_what_is_no_notebook_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.ipynb"
    path.write_text(text)
    with pytest.raises(AvaError, match="no notebook") as caught:
        resume(path)
    assert caught.value.kind == "config"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(
    ["prompt", "reply", "model", "provider", "at", "run", "cell", "number", "chat", "retry", "format"]
)


@given(changes=st.lists(st.dictionaries(fields, json_values, max_size=4), max_size=4), name=json_values)
def test_whatever_a_strangers_metadata_says_it_is_read_or_passed_over(
    tmp_path_factory: pytest.TempPathFactory, changes: list[dict[str, Any]], name: Any
) -> None:
    outputs = [output("x", "A", "1") for _ in changes]
    for each, change in zip(outputs, changes, strict=True):
        each["metadata"]["ava_magic"].update(change)
    found = resumed(tmp_path_factory.mktemp("any"), cell(name, *outputs), cell("B", output("b", "B", "2")))
    assert found.exchanges[-1].prompt == "b"


class TestFinding:
    """Which notebook's kernel this is, where the front end tells."""

    @pytest.fixture
    def notebook(self, tmp_path: Path) -> Path:
        (tmp_path / "n.ipynb").write_text("{}")
        return tmp_path / "n.ipynb"

    def test_jupyters_server_tells_the_path(self, notebook: Path, tmp_path: Path) -> None:
        for told in (str(notebook), "n.ipynb", "folder/of/the/server/n.ipynb", "RTC:n.ipynb"):
            assert find_notebook({"JPY_SESSION_NAME": told}, {}, tmp_path) == notebook

    def test_vs_code_tells_it_in_a_variable(self, notebook: Path, tmp_path: Path) -> None:
        told = {"__vsc_ipynb_file__": str(notebook)}
        assert find_notebook({"JPY_SESSION_NAME": "other.ipynb"}, told, Path("/")) == notebook
        for odd in (5, ""):
            assert find_notebook({"JPY_SESSION_NAME": "n.ipynb"}, {"__vsc_ipynb_file__": odd}, tmp_path) == notebook

    def test_where_nobody_tells_the_path_is_asked_for(self, tmp_path: Path) -> None:
        with pytest.raises(AvaError, match="nobody tells here which notebook this is; name its file"):
            find_notebook({}, {}, tmp_path)

    def test_a_notebook_that_was_renamed_is_asked_for(self, tmp_path: Path) -> None:
        with pytest.raises(AvaError, match=r"was old\.ipynb when its kernel started; name it"):
            find_notebook({"JPY_SESSION_NAME": "old.ipynb"}, {}, tmp_path)
