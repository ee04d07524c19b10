"""Other pages than the newest JupyterLab's: a reply streams, stops, and stays there too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, sync_playwright

from .endpoint import Endpoint, Gate
from .lab import CHROMIUM, FLAGS, serve

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not CHROMIUM, reason="no Chromium here")]

_KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
_STOP = "button:visible:has-text('Stop')"
_NO_BUTTON_IS_HIDDEN = """
[...document.querySelectorAll('button')].every(
  button => button.textContent.trim() !== 'Stop' || !button.offsetParent
    || getComputedStyle(button).visibility === 'visible')
"""


@dataclass(frozen=True)
class FrontEnd:
    """How a front end is started, and what its page is told."""

    module: str
    path: str
    output: str  # the outputs of a cell
    ready: str
    run_all: str
    interrupt: str
    save: str
    options: tuple[str, ...] = ()


def _newer(module: str, path: str, app: str) -> FrontEnd:
    """A front end that is made of JupyterLab's parts."""
    command = "jupyterapp.commands.execute('{}')".format
    return FrontEnd(
        module,
        path,
        output=".jp-Cell-outputArea",
        ready="window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'",
        run_all=f"void {command('notebook:run-all-cells')}",
        interrupt=f"void {command('notebook:interrupt-kernel')}",
        save=command("docmanager:save"),
        options=(f"--{app}.expose_app_in_browser=True",),
    )


FRONT_ENDS = {
    "jupyterlab": _newer("jupyterlab", "lab/tree/notebook.ipynb?reset", "LabApp"),
    "notebook": _newer("notebook", "notebooks/notebook.ipynb", "JupyterNotebookApp"),
    "nbclassic": FrontEnd(
        "nbclassic",
        "nbclassic/notebooks/notebook.ipynb",
        output="div.output_wrapper",
        ready="window.Jupyter?.notebook?.kernel?.is_connected() && Jupyter.notebook._fully_loaded",
        run_all="Jupyter.notebook.execute_all_cells()",
        interrupt="Jupyter.notebook.kernel.interrupt()",
        save="Jupyter.notebook.save_notebook()",
    ),
}


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser.new_page()
        browser.close()


def _write(path: Path, *sources: str) -> None:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": _KERNEL}), path)


@pytest.fixture(params=FRONT_ENDS)
def front_end(request: pytest.FixtureRequest, tmp_path: Path, page: Page, endpoint: Endpoint) -> Iterator[FrontEnd]:
    """A front end that runs a notebook whose second and third cell ask; both replies wait at a gate."""
    pytest.importorskip(request.param)
    front_end = FRONT_ENDS[request.param]
    ask = f"%load_ext ava_magic\n%config AvaMagics.base_url = {endpoint.url!r}"
    _write(tmp_path / "notebook.ipynb", ask, "%ava is this first?", "%ava is this second?")
    options = ("--allow-root", "--IdentityProvider.token=", f"--ServerApp.root_dir={tmp_path}", *front_end.options)
    server, url = serve(tmp_path, front_end.module, *options)
    try:
        page.goto(f"{url}/{front_end.path}")
        page.wait_for_function(front_end.ready, timeout=60_000)
        page.evaluate(front_end.run_all)
        yield front_end
    finally:
        server.terminate()
        server.wait(30)


def test_a_reply_streams_stays_and_stops(front_end: FrontEnd, page: Page, endpoint: Endpoint, tmp_path: Path) -> None:
    gates = [Gate(), Gate()]
    endpoint.says("first **words**, ", gates[0], "last words")
    endpoint.says("half a reply", gates[1])
    first, second = (page.locator(front_end.output).nth(number) for number in (1, 2))

    first.get_by_text("first words,").wait_for()
    assert gates[0].reached.wait(20)
    _see_how_to_stop(first)
    gates[0].open()
    first.get_by_text("first words, last words").wait_for()
    second.get_by_text("half a reply").wait_for()
    _wait_for_the_output_that_stays(first)

    if _see_how_to_stop(second):
        second.locator(_STOP).click()
    else:
        page.evaluate(front_end.interrupt)
    assert endpoint.requests[1].hung_up.wait(20)
    second.get_by_text("stopped before its end").wait_for()
    second.get_by_text("Stopped: ").wait_for()
    _wait_for_the_output_that_stays(second)
    assert "half a reply" in second.inner_text()

    with page.expect_response(lambda response: response.request.method == "PUT"):
        page.evaluate(front_end.save)
    notebook = nbformat.read(tmp_path / "notebook.ipynb", as_version=4)
    assert "widgets" not in notebook.metadata
    for cell in notebook.cells[1:]:
        assert set(cell.outputs[0].data) == {"text/html", "text/markdown", "text/plain"}
        assert cell.outputs[0].metadata["ava_magic"]["prompt"].startswith("is this")


def _see_how_to_stop(output: Any) -> bool:
    """Whether the bar over a reply has a button that stops it; else it says so in words, with no gap before them."""
    output.locator(f"{_STOP}, :text('interrupt the kernel to stop')").first.wait_for()
    output.page.wait_for_function(_NO_BUTTON_IS_HIDDEN)  # it takes its place first, and gives it up when none comes
    return bool(output.locator(_STOP).count())


def _wait_for_the_output_that_stays(output: Any) -> None:
    output.get_by_text(re.compile(r"openai-compatible · scripted · .* s\b")).wait_for()
    assert output.locator(".jupyter-widgets, .widget-area .widget-subarea > *").count() == 0


_DASHBOARD = """\
from ipywidgets import Button, Output, Text

box, button, place = Text(), Button(description="Ask"), Output()

@button.on_click
def ask(_):
    question = box.value
    with place:
        %ava {question}

display(box, button, place)
"""


def test_voila_shows_replies_and_streams_those_of_callbacks(page: Page, endpoint: Endpoint, tmp_path: Path) -> None:
    pytest.importorskip("voila")
    gate = Gate()
    endpoint.says("of the notebook")
    endpoint.says("first words, ", gate, "last words")
    setup = f"%load_ext ava_magic\n%config AvaMagics.base_url = {endpoint.url!r}"
    _write(tmp_path / "notebook.ipynb", setup, "%ava hi?", _DASHBOARD)
    server, url = serve(tmp_path, "voila", "notebook.ipynb")
    try:
        page.goto(url)
        page.get_by_text("of the notebook").wait_for(timeout=60_000)
        page.locator("input[type=text]").fill("is it live?")
        page.locator("button:has-text('Ask')").click()
        page.get_by_text("first words,").wait_for()
        assert endpoint.requests[1].messages[-1] == ("user", "is it live?")
        assert not page.locator(_STOP).count()
        gate.open()
        page.get_by_text("first words, last words").wait_for()
        page.get_by_text("openai-compatible · scripted").nth(1).wait_for()
    finally:
        server.terminate()
        server.wait(30)
