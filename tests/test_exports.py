"""A notebook with replies in other people's hands: exporters, runners, text files that are notebooks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter, PythonExporter, SlidesExporter

from ava_magic import Reply

from .endpoint import Endpoint
from .kernel import HTML

_KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
_WORDS = "The answer is"
_REPLY = f"# Found\n\n{_WORDS} **42**.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] done\n\n```python\nprint(42)\n```\n"


def _notebook(*sources: str) -> nbformat.NotebookNode:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook: nbformat.NotebookNode = nbformat.v4.new_notebook(cells=cells)
    return notebook


def _load(endpoint: Endpoint) -> str:
    return f"%load_ext ava_magic\n%config AvaMagics.base_url = {endpoint.url!r}"


def _replies(notebook: nbformat.NotebookNode) -> list[str]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [output.metadata["ava_magic"]["reply"] for output in outputs if "ava_magic" in output.get("metadata", {})]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with closing(Endpoint()) as endpoint:
        endpoint.says(_REPLY)
        yield endpoint


@pytest.fixture(scope="module")
def notebook(endpoint: Endpoint) -> nbformat.NotebookNode:
    """A notebook that was run; its replies are the same."""
    notebook = _notebook(_load(endpoint), "%%ava\nWhat is it?", "answer = %ava say it again", "print(len(answer.text))")
    return NotebookClient(notebook, timeout=120, kernel_name="python3").execute()


@pytest.mark.parametrize("exporter", [HTMLExporter, SlidesExporter])
def test_a_page_of_the_notebook_holds_the_reply(notebook: nbformat.NotebookNode, exporter: type[HTMLExporter]) -> None:
    page, _ = exporter().from_notebook_node(notebook)
    assert page.count(f"{_WORDS} <strong>42</strong>") == 2


def test_a_script_of_the_notebook_asks_again(
    notebook: nbformat.NotebookNode, endpoint: Endpoint, tmp_path: Path
) -> None:
    script, _ = PythonExporter().from_notebook_node(notebook)
    compile(script, "script.py", "exec")
    (tmp_path / "script.py").write_text(script)
    before = len(endpoint.requests)
    command = [sys.executable, "-m", "IPython", "--no-banner", "script.py"]
    environment = {**os.environ, "IPYTHONDIR": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.stdout.count(_WORDS) == 2, done.stderr
    assert done.stdout.endswith(f"{len(_REPLY)}\n")
    assert [request.messages[-1][1] for request in endpoint.requests[before:]] == ["What is it?", "say it again"]


class _Bare(HTMLParser):
    """What is left of a page where neither script nor style nor any attribute is."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.words = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.elements.add(tag)

    def handle_data(self, data: str) -> None:
        self.words += data


def test_without_script_and_style_as_on_github_the_reply_is_whole(notebook: nbformat.NotebookNode) -> None:
    bare = _Bare()
    bare.feed(notebook.cells[1].outputs[0].data[HTML])
    assert {"h1", "strong", "table", "li", "pre"} <= bare.elements
    assert not {"script", "style", "link"} & bare.elements
    assert " ".join(bare.words.split()).startswith("\u25c6 scripted Found The answer is 42. a b 1 2 done print(42)")


@pytest.mark.browser
def test_a_pdf_of_the_notebook_is_made(
    notebook: nbformat.NotebookNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    from nbconvert import WebPDFExporter

    from .lab import CHROMIUM

    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    with playwright.sync_playwright() as driver, pytest.raises(playwright.Error) as missing:
        driver.chromium.launch()
    # nbconvert takes the browser that Playwright downloads, and no other: let the system's stand in its place.
    place = re.search(rf"{re.escape(str(tmp_path))}\S+", str(missing.value))
    assert place
    Path(place[0]).parent.mkdir(parents=True)
    Path(place[0]).symlink_to(CHROMIUM)
    pdf, _ = WebPDFExporter(disable_sandbox=True).from_notebook_node(notebook)
    assert pdf.startswith(b"%PDF-")


@pytest.mark.browser
def test_no_word_is_too_long_for_a_page() -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    from .lab import CHROMIUM, FLAGS

    long = "long_" * 200
    reply = Reply(f"{long}\n\n`{long}`\n\nhttps://example.org/{long}")
    with playwright.sync_playwright() as driver:
        page = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS).new_page()
        page.set_content(reply.as_output()[HTML])
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_papermill_puts_its_parameters_into_the_question(endpoint: Endpoint, tmp_path: Path) -> None:
    import papermill

    before = _notebook(_load(endpoint), "city = 'Rome'", "%ava how large is {city}?")
    before.cells[1].metadata["tags"] = ["parameters"]
    before.metadata["kernelspec"] = _KERNEL
    nbformat.write(before, tmp_path / "before.ipynb")
    files = (str(tmp_path / name) for name in ("before.ipynb", "after.ipynb"))
    after = papermill.execute_notebook(*files, parameters={"city": "Oslo"}, progress_bar=False)
    assert endpoint.requests[-1].messages == [("user", "how large is Oslo?")]
    assert _replies(after) == [_REPLY]
    assert "widgets" not in nbformat.read(tmp_path / "after.ipynb", as_version=4).metadata


def test_nbmake_tells_which_questions_were_answered(endpoint: Endpoint, tmp_path: Path) -> None:
    for name, question in (("good", "%ava hi?"), ("bad", "%ava --bogus hi?")):
        notebook = _notebook(_load(endpoint), question)
        notebook.metadata["kernelspec"] = _KERNEL
        nbformat.write(notebook, tmp_path / f"{name}.ipynb")
    command = [sys.executable, "-m", "pytest", "-q", "--nbmake", "-p", "no:cacheprovider", "bad.ipynb", "good.ipynb"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert "1 failed, 1 passed" in done.stdout
    assert "unknown option --bogus" in done.stdout


_PERCENT = """\
# %%
# {load}

# %%
# answer = %ava what is it?

# %% tags=["active-ipynb"]
# %%ava -n
# Is this one,
# # and only one, question?

# %%
print(len(answer.text))
"""


def test_a_file_of_cells_becomes_a_notebook_is_run_and_comes_back(endpoint: Endpoint) -> None:
    jupytext = pytest.importorskip("jupytext")
    text = _PERCENT.format(load=_load(endpoint).replace("\n", "\n# "))
    compile(text, "notebook.py", "exec")  # it is Python
    notebook = jupytext.reads(text, "py:percent")
    done = NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    assert [request.messages for request in endpoint.requests[-2:]] == [
        [("user", "what is it?")],
        [("user", "Is this one,\n# and only one, question?")],
    ]
    assert _replies(done) == [_REPLY, _REPLY]
    assert done.cells[-1].outputs[0].text == f"{len(_REPLY)}\n"
    back = jupytext.writes(done, "py:percent")
    assert back[back.index("# %%") :] == text
    assert json.dumps(_REPLY) not in back
