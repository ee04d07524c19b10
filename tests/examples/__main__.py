"""Record the cassettes anew and run the notebooks from them: all, or those that are named."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from ava_magic.cassette.entry import Entry, dump, parse
from ava_magic.providers.base import Usage

from . import FOLDER, NAMES, REPLAY, read, tidy
from .model import ANSWERS

_ASK = "%config AvaMagics.provider = 'tests.examples.model:example'"
_FURTHER: Mapping[str, tuple[str, ...]] = {"report": ('month = "April"',)}
"""Further parameters that a notebook is recorded with, for the cell that is tagged so."""


def main(names: list[str]) -> None:
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    for name in names or NAMES:
        _record(name)
        nbformat.write(tidy(_run(read(name), replay=True)), FOLDER / f"{name}.ipynb")
        print(name)


def _record(name: str) -> None:
    """Ask the examples' model all that a notebook asks."""
    cassette = FOLDER / f"{name}.jsonl"
    cassette.unlink(missing_ok=True)
    os.environ[ANSWERS] = str(Path(__file__).parent / "answers" / f"{name}.md")
    for parameters in ("", *_FURTHER.get(name, ())):
        notebook = read(name)
        for cell in notebook.cells:
            cell.source = cell.source.replace(REPLAY, _ASK)
            if parameters and "parameters" in cell.metadata.get("tags", ()):
                cell.source = parameters
        _run(notebook, replay=False)
    cassette.write_text(dump(map(_as_of_a_model, parse(cassette.read_text("utf-8")))), "utf-8")


def _as_of_a_model(entry: Entry) -> Entry:
    """An entry with the time that a model would have taken, and the same in each recording."""
    if entry.provider != "example":
        return replace(entry, seconds=0.0, source="")
    tokens = sum(delta.counts["completion_tokens"] for delta in entry.deltas if isinstance(delta, Usage))
    return replace(entry, seconds=round(0.3 + tokens / 90, 1), source="")


def _run(notebook: nbformat.NotebookNode, *, replay: bool) -> nbformat.NotebookNode:
    os.environ["AVA_REPLAY"] = "1" if replay else "0"
    client = NotebookClient(
        notebook, timeout=120, kernel_name="python3", record_timing=False, resources={"metadata": {"path": FOLDER}}
    )
    return client.execute()


if __name__ == "__main__":
    main(sys.argv[1:])
