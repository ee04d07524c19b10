"""Every block of code in the pages is run, in order, as its first word says:

- ``python``: a cell of a notebook.  A program of its own, which calls ``asyncio.run``, is run as one; with the name of
  a file behind the word, it is that file.
- ``bash``: commands.
- ``console``: a command after ``$ ``, and what it prints.
- ``text``: what the cell or the command before it shows, or the end of that, errors included; ``...`` is anything.

The blocks of one page share a kernel and a folder.  All addresses in them lead to one server on this machine: those of
the presets, and every ``http://HOST/v1``.
"""

from __future__ import annotations

import doctest
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, closing
from itertools import pairwise
from pathlib import Path

import pytest

from .kernel import Cell, Kernel
from .pages import DOCS, ROOT, Block, blocks, pages
from .service import started

pytest.importorskip("pandas")
pytest.importorskip("matplotlib")

NOT_RUN = {
    "pip install": "it fetches packages; .ci/run runs README's in a new environment",
    "ollama pull": "it fetches a model",
    "jupyter lab": "it serves until it is ended; tests/lab.py starts one",
    "--nbmake examples": "tests/test_examples.py runs them",
    "%load_ext jupyter_ai_magics": "it takes that package; tests/test_ecosystem.py loads both",
    "from dask.distributed import": "it takes a cluster; tests/test_dask.py has one",
}
"""What stands in a line, or at the beginning of a cell, that is not run here, and why."""

_AT_THE_SERVER = """
import os
from ava_magic.providers.presets import PRESETS

for name, preset in PRESETS.items():
    PRESETS[name] = preset._replace(base_url=os.environ["PAGES_SERVER"] + "/v1")
"""
_VALUES = """
import asyncio
import matplotlib; matplotlib.use("Agg")
import pandas as pd
from matplotlib import pyplot as plt

df = pd.DataFrame({"review": ["good", "bad"], "score": [1.0, 0.0]})
reviews, terms, numbers, losses = ["good", "bad"], ["tuple", "list"], [3, 1, 2], [0.9, 0.5, 0.4]
result, loss, config = [0.9], 0.25, {"model": "mini"}

def my_function(x):
    return x
"""
_FILES = {
    "notes.txt": "Tuples never change.",
    "long.log": "started\n",
    "mypackage/__init__.py": "",
    "mypackage/providers.py": "async def MyProvider(model, messages, **kwargs):\n    yield 'Hello!'\n",
    "my_package.py": "import asyncio\nfrom ava_magic import Chat\n\n"
    "def summary(topic):\n    return asyncio.run(Chat().ask(f'Sum up {topic}.')).text\n",
}


class Stage:
    """Where the blocks of a page are run.  ``shown`` is what the last of them has shown."""

    def __init__(self, folder: Path, server: str) -> None:
        self.folder = folder
        self.server = server
        self.shown = ""
        hook = folder / ".hook"
        hook.mkdir()
        (hook / "sitecustomize.py").write_text(_AT_THE_SERVER)
        self.environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(hook), str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PAGES_SERVER": server,
            "JPY_SESSION_NAME": str(folder / "my notebook.ipynb"),
            "IPYTHONDIR": str(folder / ".ipython"),
        }
        with chdir(folder):
            self.kernel = Kernel(**self.environment)

    def close(self) -> None:
        self.kernel.shutdown()

    def begin(self) -> None:
        """Set the stage for another page: an empty folder but for some files, a namespace with some values."""
        for path in self.folder.iterdir():
            if not path.name.startswith("."):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for name, text in _FILES.items():
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_text(text)
        asked = ["%load_ext ava_magic\n%config AvaMagics.record = 'cassette.jsonl'", "%ava What is a list?"]
        told = {"format": 1, "prompt": "What is a list?", "reply": "A row of things."}
        for name in ("report.ipynb", "notebook.ipynb", "my notebook.ipynb"):
            (self.folder / name).write_text(json.dumps(_notebook(asked, told)))
        for cell in (
            "get_ipython().config.pop('AvaMagics', None)\n%reload_ext ava_magic\n%reset -f",
            _VALUES,
            "plt.figure().savefig('my plot.png')",
            "1 / 0",
            "%ava -p nobody Hello!",
        ):
            self.kernel.run(cell)

    def run(self, block: Block, *, may_fail: bool = False) -> None:
        """Run a block, or look whether it is what was shown."""
        text = self._at_the_server(block.text)
        if block.kind == "text" and not text.startswith("$ "):
            self._compare(text)
        elif block.name:
            self._file(block.name, text)
        elif block.kind == "bash":
            self._commands(text.splitlines())
        elif block.kind in ("console", "text"):
            command, _, output = text.removeprefix("$ ").partition("\n")
            self._commands([command])
            self._compare(output)
        elif block.kind == "python" and "asyncio.run(" in text:
            self._file("program.py", text)
        else:
            assert block.kind == "python", f"nobody knows how a block of {block.kind!r} is run"
            self._cell(text, may_fail=may_fail)

    def _at_the_server(self, text: str) -> str:
        text = re.sub(r"https?://[\w.:-]+/v1\b", f"{self.server}/v1", text)
        return re.sub(r"http://127\.0\.0\.1:8282\b|(?<=--base-url )URL\b", self.server, text)

    def _compare(self, wanted: str) -> None:
        options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        check = doctest.OutputChecker().check_output
        if not any(check(text, self.shown, options) for text in (wanted, f"...\n{wanted}")):
            raise AssertionError(f"the page shows\n{wanted}\nand in truth it is\n{self.shown}")

    def _cell(self, code: str, *, may_fail: bool) -> None:
        if any(code.startswith(beginning) for beginning in NOT_RUN):
            return
        cell = self.kernel.start(code)
        if "%ava --key" in code:
            self.kernel.client.get_stdin_msg(timeout=20)
            self.kernel.client.input("typed-by-hand")
        self._take(self.kernel.finish(cell), may_fail=may_fail)

    def _take(self, cell: Cell, *, may_fail: bool) -> None:
        assert may_fail or cell.status == "ok", cell.error
        outputs = [output["data"]["text/plain"] for output in cell.outputs]
        self.shown = "\n".join([cell.stdout, cell.stderr, *outputs, cell.result, cell.error])

    def _file(self, name: str, text: str) -> None:
        """Write a file, and run it unless something else does: IPython its configuration, pytest the tests."""
        if name == "ipython_config.py":
            profile = self.folder / ".ipython" / "profile_default"
            (profile / name).write_text(text)
            self._commands(["python -m IPython -c '%ava'"])
            (profile / name).unlink()
            return
        (self.folder / name).write_text(text)
        if not name.startswith(("test_", "conftest")):
            self._commands([f"python {name}"])

    def _commands(self, lines: list[str]) -> None:
        lines = [line for line in lines if not any(words in line for words in NOT_RUN)]
        if any(line.startswith("python -m ava_magic.server") for line in lines):
            self._serve(*lines)
            return
        done = subprocess.run(
            ["bash", "-euc", "\n".join(lines)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        self.shown = done.stdout

    def _serve(self, command: str) -> None:
        """Run the server until it says where it is, at any free port."""
        with subprocess.Popen(
            [*command.split(), *([] if "--port" in command else ["--port", "0"])],
            cwd=self.folder,
            env=self.environment | {"PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            text=True,
        ) as server:
            assert server.stdout is not None
            self.shown = re.sub(r":\d+$", ":43567", server.stdout.readline())
            server.send_signal(signal.SIGINT)
        assert server.returncode == 0


def _notebook(cells: list[str], told: dict[str, object]) -> dict[str, object]:
    output = {"output_type": "display_data", "data": {"text/plain": ""}, "metadata": {"ava_magic": told}}
    return {
        "cells": [
            {"cell_type": "code", "id": f"cell-{number}", "metadata": {}, "execution_count": None, "source": source}
            | {"outputs": [output] if number else []}
            for number, source in enumerate(cells)
        ],
        "metadata": {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python", "file_extension": ".py", "nbconvert_exporter": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with (
        started("--provider", "tests.page_model:PageModel", cwd=ROOT) as (_, server),
        closing(Stage(tmp_path_factory.mktemp("page"), server)) as stage,
    ):
        yield stage


@pytest.mark.parametrize(
    "page",
    [page for page in pages() if page.name != "CONTRIBUTING.md" and blocks(page)],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_every_example_of_a_page_runs(page: Path, stage: Stage) -> None:
    stage.begin()
    for block, following in pairwise([*blocks(page), Block("end", "", "", 0)]):
        fails = following.kind == "text" and following.text.startswith("AvaError")
        try:
            stage.run(block, may_fail=fails)
        except AssertionError as error:
            raise AssertionError(f"{page.name}, line {block.line}:\n{block.text}\n{error}") from None


def test_the_provider_in_ten_lines_has_ten() -> None:
    [code] = [block.text for block in blocks(DOCS / "own-provider.md") if "class Service" in block.text]
    assert len(list(filter(None, code.splitlines()))) == 10


@pytest.mark.parametrize("words", NOT_RUN)
def test_what_is_not_run_is_still_there(words: str) -> None:
    assert any(words in block.text for page in pages() for block in blocks(page))
