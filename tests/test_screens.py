"""What a screen can do, and which view that gives."""

from __future__ import annotations

import io
import re
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from ava_magic import shell
from ava_magic.views import screen_of
from ava_magic.views.columns import Stacked, choose_columns
from ava_magic.views.plain import Afterwards, PlainView
from ava_magic.views.progress import PlainProgress, choose_progress
from ava_magic.views.terminal import TerminalView

from .kernel import Kernel


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def in_kernel(*, attended: bool = True, knows_request: bool = True) -> Any:
    def get_parent() -> dict[str, Any]:
        if not knows_request:
            raise LookupError
        return {}

    return SimpleNamespace(kernel=SimpleNamespace(_allow_stdin=attended, get_parent=get_parent))


@pytest.mark.parametrize(
    ("here", "display", "screen"),
    [
        (in_kernel(), "auto", "widgets"),
        (in_kernel(), "html", "updates"),
        (in_kernel(), "text", "updates"),
        (in_kernel(attended=False), "auto", "updates"),
        (in_kernel(attended=False), "widget", "widgets"),
        (in_kernel(knows_request=False), "widget", "lines"),
        (SimpleNamespace(), "widget", "terminal"),
        (SimpleNamespace(simple_prompt=True), "auto", "lines"),
    ],
)
def test_what_a_screen_can_do(here: Any, display: str, screen: str) -> None:
    assert screen_of(here, display, Terminal()) == screen


def test_a_pipe_takes_lines() -> None:
    here: Any = SimpleNamespace()
    assert screen_of(here, "auto", io.StringIO()) == "lines"


@pytest.mark.parametrize("background", [False, True])
def test_where_nothing_can_be_displayed_a_batch_and_columns_are_lines_too(background: bool) -> None:
    """As in a thread of the user's with ipykernel 7.0."""
    here: Any = in_kernel(knows_request=False)
    batch: Any = None
    bar = choose_progress(batch, stop=lambda: None, shell=here, display="auto", question="", background=background)
    assert isinstance(bar, Afterwards if background else PlainProgress)
    assert not bar.leaves_table
    turn = SimpleNamespace(settings=SimpleNamespace(format="markdown"), pieces=[])
    column: Any = SimpleNamespace(turn=turn, run=SimpleNamespace(stop=int))
    view = choose_columns([column], "", shell=here, display="auto", frame_rate=20, background=background)
    assert isinstance(view, Afterwards if background else Stacked)


@pytest.mark.parametrize("display", ["auto", "widget"])
def test_a_text_is_shown_as_text_in_a_terminal_side_by_side_too(display: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    here: Any = SimpleNamespace()
    turn = SimpleNamespace(settings=SimpleNamespace(format="text"), pieces=[])
    column: Any = SimpleNamespace(turn=turn, run=SimpleNamespace(stop=int), label="a", over=False)
    stacked: Any = choose_columns([column], "", shell=here, display=display, frame_rate=20, background=False)
    stacked.open()
    assert isinstance(stacked._shown[1], PlainView)


def test_without_psutil_a_kernel_is_taken_for_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert shell._in_console.__wrapped__() is False


def test_unloading_does_what_waits_for_the_next_cell(kernel: Kernel) -> None:
    kernel.run("from ava_magic.between_cells import at_next_cell\ndone = []")
    kernel.run("at_next_cell(lambda: done.append('next'))")
    assert kernel.run("print(done)").stdout == "['next']\n"
    cell = kernel.run("at_next_cell(lambda: done.append('end'))\n%unload_ext ava_magic\nprint(done)")
    assert cell.stdout == "['next', 'end']\n"


def test_blocks_in_a_terminal_stand_one_blank_line_apart_and_their_lines_end_with_their_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Blanks behind them would be copied along, and go on the next line where the terminal gets narrower."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("NO_COLOR", "1")  # so code is no coloured field
    turn: Any = SimpleNamespace(settings=SimpleNamespace(format="markdown"), pieces=[])
    view = TerminalView(turn, 20)
    for block in ("Some **words**:\n\n", "1. one\n2. two\n\n", "| a |\n|---|\n| 1 |\n\n", "```\nx\n```\n", "The end."):
        view._print(block)
    shown = re.sub(r"\x1b\[[\d;]*m", "", screen.getvalue())
    assert re.fullmatch(r"Some words:\n\n 1 one\n 2 two\n\n *a\n \S+\n *1\n\n x\n\nThe end\.\n", shown)
