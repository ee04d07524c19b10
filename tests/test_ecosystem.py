"""Tools that people use beside this one: what they show of a reply, and that nobody is in the way of the other."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from .endpoint import Endpoint, Gate
from .kernel import PLAIN, Kernel

pytestmark = pytest.mark.ecosystem


def _run(*command: str, cwd: Path) -> str:
    done = subprocess.run([sys.executable, "-m", *command], cwd=cwd, capture_output=True, text=True, timeout=120)
    return done.stdout + done.stderr


# -- nbdime ------------------------------------------------------------------------------------------------------------


def _answered(path: Path, endpoint: Endpoint, answer: str) -> None:
    """A notebook that was run, as a front end that notes no times saves it."""
    endpoint.forget()
    endpoint.says(answer)
    cells = [
        nbformat.v4.new_code_cell(f"%load_ext ava_magic\n%config AvaMagics.base_url = {endpoint.url!r}", id="load"),
        nbformat.v4.new_code_cell("%%ava\nWhat is it?", id="ask"),
    ]
    client = NotebookClient(nbformat.v4.new_notebook(cells=cells), kernel_name="python3", record_timing=False)
    nbformat.write(client.execute(), path)


def _differences(*names: str, cwd: Path) -> list[str]:
    """What nbdiff names as different."""
    pytest.importorskip("nbdime")
    return re.findall(r"(?m)^## \S+ (\S+):$", _run("nbdime", "diff", "--no-color", *names, cwd=cwd))


def test_nbdime_shows_little_of_a_rerun(endpoint: Endpoint, tmp_path: Path) -> None:
    for name, answer in (("one", "It is 42."), ("again", "It is 42."), ("other", "It is 43.")):
        _answered(tmp_path / f"{name}.ipynb", endpoint, answer)
    reply = "/cells/1/outputs/0"
    same = {f"{reply}/metadata/ava_magic/at"}
    seconds = {f"{reply}/data/text/html", f"{reply}/data/text/plain"}  # in the footer
    assert same <= set(_differences("one.ipynb", "again.ipynb", cwd=tmp_path)) <= same | seconds
    changed = same | seconds | {f"{reply}/data/text/markdown", f"{reply}/metadata/ava_magic/reply"}
    assert set(_differences("one.ipynb", "other.ipynb", cwd=tmp_path)) == changed


# -- marimo ------------------------------------------------------------------------------------------------------------

_MARIMO = """
import marimo
app = marimo.App()

@app.cell
async def _():
    from ava_magic import Chat
    chat = Chat(base_url="{url}")
    reply = await chat.ask("hi?")
    reply
    return chat, reply

@app.cell
async def _(chat, reply):
    print([delta async for delta in chat.stream("and " + reply.text)])
    return
"""


def test_marimo_shows_a_reply_of_chat(endpoint: Endpoint, tmp_path: Path) -> None:
    pytest.importorskip("marimo")
    endpoint.says("**first**, ", "second")
    (tmp_path / "notebook.py").write_text(_MARIMO.format(url=endpoint.url))
    told = _run("marimo", "export", "html", "notebook.py", "-o", "page.html", cwd=tmp_path)
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "\\u003Cstrong\\u003Efirst\\u003C/strong\\u003E, second" in page, told  # the bundle's HTML, inside JSON
    assert [request.messages[-1][1] for request in endpoint.requests] == ["hi?", "and **first**, second"]
    assert len(endpoint.requests[1].messages) == 3


# -- jupyter_ai --------------------------------------------------------------------------------------------------------

_EXTENSIONS = ("ava_magic", "jupyter_ai_magics")


@pytest.mark.parametrize("order", [_EXTENSIONS, _EXTENSIONS[::-1]], ids=["before", "after"])
def test_both_work_in_a_kernel_with_jupyter_ai(endpoint: Endpoint, tmp_path: Path, order: tuple[str, str]) -> None:
    pytest.importorskip("jupyter_ai_magics")
    kernel = Kernel(**{**os.environ, "IPYTHONDIR": str(tmp_path)})
    try:
        for name in order:
            assert kernel.run(f"%load_ext {name}").status == "ok"
        kernel.run(f"%config AvaMagics.base_url = {endpoint.url!r}")
        _asks_fails_and_stops(kernel, endpoint)
        assert "'bogus:model'" in _all_of(kernel, "%%ai bogus:model\nhi")
        kernel.run("%unload_ext ava_magic")
        assert "Commands:" in _all_of(kernel, "%ai help")
    finally:
        kernel.shutdown()


def _asks_fails_and_stops(kernel: Kernel, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.says("an answer")
    endpoint.says("half", gate)
    assert "an answer" in kernel.run("%ava is this one?").outputs[0]["data"][PLAIN]
    assert kernel.run("%ava --bogus").error.startswith("AvaError (config): unknown option --bogus")
    kernel.run("1 / 0")
    assert "ZeroDivisionError" in kernel.run("%ava -e --preview").shown
    cell = kernel.start("%ava and this?")
    assert gate.reached.wait(20)
    kernel.interrupt()
    kernel.finish(cell)
    assert cell.error.startswith("Stopped: ")
    assert "\n" not in cell.error


def _all_of(kernel: Kernel, code: str) -> str:
    cell: Any = kernel.run(code)
    return str(cell.stdout + cell.stderr + cell.error + cell.result + "".join(str(output) for output in cell.outputs))
