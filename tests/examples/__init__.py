"""The notebooks in ``examples``: recorded from answers that are written here, and run again from their cassettes.

``python -m tests.examples`` records the cassettes anew and runs the notebooks from them, so that what stands in the
files is what a reader gets.  A notebook is its own source: edit its cells, run this, and look at the difference.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat

FOLDER = Path(__file__).parents[2] / "examples"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
REPLAY = "%ava --replay"
"""The line of a notebook that has it answered from its cassette."""

_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
_TOOK = re.compile(r"(\d repl(?:y|ies)\b[^\n<]*? · )\d+\.\d s")  # how long many took is measured anew in each run
_AGE = re.compile(r"\b\d+ s ago\b")


def read(name: str) -> nbformat.NotebookNode:
    notebook: nbformat.NotebookNode = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    return notebook


def tidy(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook without what differs from run to run: times, the versions of what ran it, how a text was cut."""
    notebook.metadata = {"kernelspec": _KERNEL, "language_info": {"name": "python"}}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if "outputs" in cell:
            cell.outputs = _with_whole_streams(cell.outputs)
        for output in cell.get("outputs", ()):
            output.get("metadata", {}).get("ava_magic", {}).pop("at", None)
            output.update({name: _without_times(output[name]) for name in ("text", "data") if name in output})
    return notebook


def _with_whole_streams(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """A kernel sends what is printed by a clock, so one ``print`` may come in two."""
    whole: list[nbformat.NotebookNode] = []
    for output in outputs:
        if whole and output.output_type == "stream" and whole[-1].get("name") == output.name:
            whole[-1].text += output.text
        else:
            whole.append(output)
    return whole


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_times(item) for name, item in value.items()}
    return _AGE.sub("0 s ago", _TOOK.sub(r"\g<1>0.0 s", value)) if isinstance(value, str) else value
