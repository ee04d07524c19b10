"""What a long conversation costs: a turn of it, saving and loading it, and finding it in a notebook."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from .table import Row

__all__ = ["conversation"]

_TURNS = 1_000
_AT_BOTH_ENDS = 100  # turns whose medians are compared: the second hundred (the first fills the context), and the last
_QUESTION = "What is the difference between a list and a tuple, and when should I use which of them?"
_ANSWER = "A list can be changed in place, a tuple cannot. " * 20
_NOTEBOOK = 5_000_000  # bytes


async def instant(model: str, messages: list[Any], **kwargs: Any) -> AsyncIterator[str]:
    """A provider that takes no time of its own."""
    yield _ANSWER


def conversation() -> Iterator[Row]:
    """a conversation of 1,000 turns: what %ava adds to a turn, saving, loading, and --resume from a notebook of 5 MB"""
    from IPython.terminal.interactiveshell import TerminalInteractiveShell
    from traitlets.config import Config

    with tempfile.TemporaryDirectory() as folder:
        os.environ["IPYTHONDIR"] = folder
        shell = TerminalInteractiveShell.instance(config=Config(HistoryManager={"enabled": False}))
        shell.run_line_magic("load_ext", "ava_magic")
        shell.run_line_magic("config", f"AvaMagics.provider = '{__name__}:instant'")
        talk = shell.magics_manager.registry["AvaMagics"].desk.chats.named().conversation
        empty = [_milliseconds(lambda: shell.run_cell("pass", store_history=True)) for _ in range(_AT_BOTH_ENDS)]
        turns = []
        for number in range(_TURNS):
            ask = functools.partial(shell.run_cell, f"%ava {_QUESTION}", store_history=True, cell_id=f"cell-{number}")
            with contextlib.redirect_stdout(io.StringIO()):
                turns.append(_milliseconds(ask))
        assert len(talk) == _TURNS
        first, last = (
            statistics.median(part) for part in (turns[_AT_BOTH_ENDS : 2 * _AT_BOTH_ENDS], turns[-_AT_BOTH_ENDS:])
        )
        overhead = last - statistics.median(empty)
        growth = last - first
        figure = f"{overhead:.2f} ms"
        yield Row("a cell with %ava, less an empty one, at turn 1,000", figure, promise="<= 5 ms", kept=overhead <= 5)
        yield Row("how much more that is than at turn 150", f"{growth:.2f} ms", promise="<= 1 ms", kept=growth <= 1)
        yield from _files(talk, Path(folder))


def _files(talk: Any, folder: Path) -> Iterator[Row]:
    from ava_magic.conversation.files import load, save
    from ava_magic.conversation.resume import resume

    for name in ("talk.json", "talk.md"):
        kind = name.rpartition(".")[2]
        yield _row(f"save 1,000 turns as {kind}", functools.partial(save, talk, folder / name), 50)
        yield _row(f"load 1,000 turns as {kind}", functools.partial(load, folder / name), 50)
    path = folder / "notebook.ipynb"
    path.write_text(_notebook())
    yield _row(f"resume from a notebook of {path.stat().st_size / 1e6:.1f} MB", lambda: resume(path), 500)


def _notebook() -> str:
    """A notebook of replies, each in the three forms of its output, as a front end saves it."""
    cells: list[Any] = []
    size = 0
    while size < _NOTEBOOK:
        record = {"format": 1, "chat": "main", "prompt": _QUESTION, "reply": _ANSWER, "cell": f"cell-{len(cells)}"}
        record |= {"run": f"run-{len(cells)}", "at": 1.76e9 + len(cells), "model": "m", "provider": "p"}
        data = {"text/plain": [_ANSWER], "text/markdown": [_ANSWER], "text/html": [f"<p>{_ANSWER}</p>"]}
        output = {"output_type": "display_data", "data": data, "metadata": {"ava_magic": record}}
        cell = {"cell_type": "code", "id": record["cell"], "source": ["%ava ..."], "metadata": {}, "outputs": [output]}
        cells.append(cell)
        size += len(json.dumps(cells[-1], indent=1))
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1)


def _row(what: str, work: Callable[[], object], promise: float) -> Row:
    took = statistics.median(_milliseconds(work) for _ in range(7))
    return Row(what, f"{took:.1f} ms", "", "", f"<= {promise:.0f} ms", took <= promise)


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)
