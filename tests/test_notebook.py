"""A whole notebook, run without anybody there, and what stays in its file."""

from __future__ import annotations

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter, MarkdownExporter

from .endpoint import Endpoint


def _run(*sources: str) -> nbformat.NotebookNode:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    return NotebookClient(notebook, timeout=120, kernel_name="python3").execute()


def test_the_reply_is_in_the_file_and_in_its_exports(endpoint: Endpoint) -> None:
    endpoint.says("The answer is **42**,", " <b>bold</b>.")
    notebook = _run(f"%load_ext ava_magic\n%config AvaMagics.base_url = {endpoint.url!r}", "%%ava\nWhat is it?")
    [output] = notebook.cells[1].outputs
    assert output.output_type == "display_data"
    assert output.data["text/markdown"].startswith("The answer is **42**, &lt;b>")
    assert output.metadata["ava_magic"]["prompt"] == "What is it?"
    assert "widgets" not in notebook.metadata
    nbformat.validate(notebook)
    html, _ = HTMLExporter().from_notebook_node(notebook)
    assert "The answer is <strong>42</strong>, &lt;b&gt;bold" in html
    markdown, _ = MarkdownExporter().from_notebook_node(notebook)
    assert "The answer is" in markdown
