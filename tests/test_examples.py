"""The notebooks in ``examples`` run as they are, without a network, and say what stands in them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert import HTMLExporter

from .examples import FOLDER, NAMES, REPLAY, read, tidy
from .offline import Offline

_MACHINE = re.compile(r"/(?:home|root|tmp|work|Users|usr|private)/|[A-Z]:\\\\|127\.0\.0\.1|localhost|site-packages")
_LENGTH = re.compile(r"the last error \d+ characters")  # as long as the name of the Python
OWN = "own_provider"


def said(notebook: nbformat.NotebookNode) -> list[Any]:
    """What the replies of a notebook say, and what else its cells have printed or raised."""
    outputs = [output for cell in tidy(notebook).cells for output in cell.get("outputs", ())]
    return [
        output.get("evalue") or _LENGTH.sub("", output.get("text") or output.data["text/plain"])
        for output in outputs
        if output.output_type != "execute_result"  # pandas shows tables in its own way in each version
    ]


def copied(folder: Path) -> Offline:
    """Programs without a network in a folder that has the examples below it."""
    shutil.copytree(FOLDER, folder / "examples")
    return Offline(folder)


@pytest.fixture
def offline(tmp_path: Path) -> Offline:
    return copied(tmp_path)


@pytest.fixture(scope="module")
def run_again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples as nbmake leaves them, which runs them all from the folder above."""
    pytest.importorskip("nbmake", reason="it comes with the extra test")
    folder = tmp_path_factory.mktemp("again")
    offline = copied(folder)
    done = offline.run("pytest", "--nbmake", "--overwrite", "-p", "no:cacheprovider", "examples", AVA_REPLAY="1")
    assert done.returncode == 0, done.stdout[-5000:]
    assert offline.tried == ""
    return folder / "examples"


def test_there_is_one_for_each_thing_that_is_taught() -> None:
    assert NAMES == [
        "comparing_models",
        "dataframe",
        "error_explained",
        "for_each_row",
        OWN,
        "quickstart",
        "report",
    ]
    told = (FOLDER / "README.md").read_text("utf-8")
    assert all(f"({name}.ipynb)" in told for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_run_again_says_what_stands_in_it(name: str, run_again: Path) -> None:
    assert said(nbformat.read(run_again / f"{name}.ipynb", as_version=4)) == said(read(name)), (
        "python -m tests.examples runs the notebooks anew"
    )
    assert (run_again / f"{name}.jsonl").read_bytes() == (FOLDER / f"{name}.jsonl").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_short_has_its_outputs_and_nothing_of_a_machine(name: str) -> None:
    notebook = read(name)
    assert len(notebook.cells) <= 13
    assert notebook.cells[0].source.startswith("# ")
    assert all(cell.outputs for cell in notebook.cells if cell.cell_type == "code" and "%ava " in cell.source)
    assert tidy(read(name)) == notebook
    for ending in ("ipynb", "jsonl"):
        assert _MACHINE.search((FOLDER / f"{name}.{ending}").read_text("utf-8")) is None


def test_an_example_asks_nobody_where_nothing_is_set() -> None:
    """A reader who runs one in JupyterLab gets what stands in it, and keeps its cassette as it is."""
    setups = {name: [cell.source for cell in read(name).cells if "load_ext" in cell.source] for name in NAMES}
    for name in {*NAMES} - {OWN}:
        assert setups[name] == [f'%load_ext ava_magic\n%config AvaMagics.record = "{name}.jsonl"\n{REPLAY}']


def test_the_provider_in_a_notebook_says_itself_what_stands_in_it(offline: Offline, tmp_path: Path) -> None:
    done = offline.run("nbconvert", "--to", "notebook", "--execute", "--inplace", f"examples/{OWN}.ipynb")
    assert done.returncode == 0, done.stderr[-3000:]
    again = nbformat.read(tmp_path / "examples" / f"{OWN}.ipynb", as_version=4)
    untimed = [re.sub(r"\d+\.\d s", "0.0 s", repr(words)) for words in said(again)]
    assert untimed == [repr(words) for words in said(read(OWN))]
    assert offline.tried == ""


def test_the_report_takes_its_parameters_and_becomes_a_page(offline: Offline, tmp_path: Path) -> None:
    pytest.importorskip("papermill", reason="it comes with the extra test")
    command = ("papermill", "--cwd", "examples", "examples/report.ipynb", "out.ipynb", "-p", "month")
    done = offline.run(*command, "April", AVA_REPLAY="1")
    assert done.returncode == 0, done.stderr[-3000:]
    page, _ = HTMLExporter(exclude_input=True).from_filename(str(tmp_path / "out.ipynb"))
    assert "In April the three shops sold for 30,557" in page
    assert "load_ext" not in page
    done = offline.run(*command, "May", AVA_REPLAY="1")
    assert done.returncode != 0
    assert "this request is not in report.jsonl" in done.stderr
    assert offline.tried == ""
