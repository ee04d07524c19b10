"""The notebooks in ``examples`` run as they are, without a network, and say what stands in them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert import HTMLExporter

from .examples import FOLDER, NAMES, read, tidy
from .offline import Offline

_MACHINE = re.compile(r"/(?:home|root|tmp|work|Users|usr|private)/|[A-Z]:\\\\|127\.0\.0\.1|localhost|site-packages")
_LENGTH = re.compile(r"the last error \d+ characters")  # it depends on the Python


@pytest.fixture
def offline(tmp_path: Path) -> Offline:
    """Programs without a network in a folder without the examples, which lie in ``examples`` below it."""
    shutil.copytree(FOLDER, tmp_path / "examples")
    return Offline(tmp_path)


def said(notebook: nbformat.NotebookNode) -> list[Any]:
    """What the replies of a notebook say, with what was asked, and what else its cells have printed."""
    outputs = [output for cell in tidy(notebook).cells for output in cell.get("outputs", ())]
    replies = [o for o in outputs if o.output_type == "display_data" or o.output_type == "stream"]
    return [
        _LENGTH.sub("", o.text) if "text" in o else (o.data["text/plain"], o.data.get("text/markdown")) for o in replies
    ]


def test_each_teaches_in_a_few_cells() -> None:
    assert len(NAMES) == 7
    for name in NAMES:
        cells = read(name).cells
        assert len(cells) <= 14
        assert cells[0].source.startswith("# ")
        assert all(cell.outputs for cell in cells if cell.cell_type == "code" and "%ava " in cell.source)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_run_as_nbmake_does_says_what_stands_in_it(name: str, offline: Offline, tmp_path: Path) -> None:
    pytest.importorskip("nbmake", reason="it comes with the extra test")
    notebook, cassette = (tmp_path / "examples" / f"{name}.{ending}" for ending in ("ipynb", "jsonl"))
    before = cassette.read_bytes()
    done = offline.run(
        "pytest", "--nbmake", "--overwrite", "-p", "no:cacheprovider", f"examples/{name}.ipynb", AVA_REPLAY="1"
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert said(nbformat.read(notebook, as_version=4)) == said(read(name))
    assert cassette.read_bytes() == before
    assert offline.tried == ""


@pytest.mark.parametrize("name", NAMES)
def test_an_example_needs_no_setting(name: str, offline: Offline, tmp_path: Path) -> None:
    """As a reader runs it, who has started JupyterLab and set nothing; a provider in the notebook is asked."""
    done = offline.run("nbconvert", "--to", "notebook", "--execute", "--inplace", f"examples/{name}.ipynb")
    assert done.returncode == 0, done.stderr[-3000:]
    assert said(nbformat.read(tmp_path / "examples" / f"{name}.ipynb", as_version=4)) == said(read(name))
    assert offline.tried == ""


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_a_machine_stands_in_an_example(name: str) -> None:
    for ending in ("ipynb", "jsonl"):
        text = (FOLDER / f"{name}.{ending}").read_text("utf-8")
        assert _MACHINE.search(text) is None
    assert tidy(read(name)) == read(name)


def test_a_report_takes_its_parameters_and_becomes_a_page(offline: Offline, tmp_path: Path) -> None:
    pytest.importorskip("papermill", reason="it comes with the extra test")
    command = ("papermill", "--cwd", "examples", "examples/report.ipynb", "out.ipynb", "-p", "month")
    done = offline.run(*command, "April", AVA_REPLAY="1")
    assert done.returncode == 0, done.stderr[-3000:]
    page, _ = HTMLExporter(exclude_input=True).from_filename(tmp_path / "out.ipynb")
    assert "In April the three shops sold for 30,557" in page
    assert "%config" not in page
    done = offline.run(*command, "May", AVA_REPLAY="1")
    assert done.returncode != 0
    assert "this request is not in report.jsonl" in done.stderr
    assert offline.tried == ""
