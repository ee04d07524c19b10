"""The conversation across a restart of the kernel, in JupyterLab with its own server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api")

from .endpoint import Endpoint
from .lab import CHROMIUM, Lab

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not CHROMIUM, reason="no Chromium here")]

_KERNEL = "jupyterapp.shell.currentWidget.sessionContext.session.kernel"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path)
    yield lab
    lab.close()


def run(lab: Lab, *numbers: int) -> str:
    """Run cells one after the other; return what the last one shows."""
    for number in numbers:
        lab.run_to_end(number)
    return str(lab.output(numbers[-1]).inner_text())


def test_resume_finds_the_notebook_and_its_cells_replace_their_turns(lab: Lab, endpoint: Endpoint) -> None:
    endpoint.says("ok")
    load = f"%load_ext ava_magic\n%config AvaMagics.base_url = {endpoint.url!r}"
    lab.open(load, "%ava one", "%ava two", "%ava --history", "%ava --resume", "%ava three")
    history = run(lab, 0, 1, 2, 3)
    assert "Conversation main: 2 turns" in history
    assert lab.output(3).locator("tbody tr").count() == 2
    assert "In [2]" in history
    lab.command("docmanager:save")
    lab.page.evaluate(f"{_KERNEL}.restart()")
    lab.wait_until_idle()
    said = run(lab, 0, 4)
    assert str(lab.folder / "notebook.ipynb") in said
    assert "gave 2 turns to the conversation main." in said
    assert "not in it" not in said
    run(lab, 5)
    assert [words for _, words in endpoint.requests[-1].messages][::2] == ["one", "two", "three"]
    run(lab, 1, 5)
    assert [words for _, words in endpoint.requests[-1].messages][::2] == ["one", "two", "three"]
    assert "Conversation main: 3 turns" in run(lab, 3)


def test_a_copied_and_a_moved_cell_are_what_they_are_in_the_file(lab: Lab, endpoint: Endpoint) -> None:
    endpoint.says("ok")
    load = f"%load_ext ava_magic\n%config AvaMagics.base_url = {endpoint.url!r}"
    lab.open(load, "%ava one", "%ava two", "%ava --resume", "%ava three")
    run(lab, 0, 1, 2)
    lab.page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 2")
    lab.command("notebook:move-cell-up")  # two, one
    lab.command("notebook:copy-cell")
    lab.command("notebook:paste-cell-below")  # two, two, one
    lab.command("docmanager:save")
    lab.page.evaluate(f"{_KERNEL}.restart()")
    lab.wait_until_idle()
    assert "gave 2 turns" in run(lab, 0, 4)
    run(lab, 5)
    assert [words for _, words in endpoint.requests[-1].messages][::2] == ["two", "one", "three"]
