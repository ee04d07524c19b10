"""A notebook that was recorded is run again without a network, by everybody who runs notebooks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from .endpoint import Endpoint
from .kernel import HTML, PLAIN, Kernel
from .offline import Offline

CELLS = (
    "%load_ext ava_magic\n%config AvaMagics.record = 'chat.jsonl'",
    "import os\nos.chdir('/')  # a cassette lies where the kernel began",
    "%ava what is a list?",
    "answer = %ava and a tuple?\nassert 'fixed' in str(answer)",
    "def ask(word):\n    return %ava -n -t 0.2 say {word}\n\n[str(ask('hi')) for _ in range(2)]",
    "%%ava\nA longer question,\nof two lines.",
    "from ava_magic import AvaError\ntry:\n    %ava -n fail!\nexcept AvaError as error:\n    print(error)",
)


def replies(notebook: nbformat.NotebookNode) -> list[tuple[str, str]]:
    """What stays of the replies in the file: as text and as HTML."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    shown = [output for output in outputs if output.output_type == "display_data"]
    return [(output.data[PLAIN], output.data[HTML]) for output in shown]


def rest(notebook: nbformat.NotebookNode) -> list[Any]:
    """What else its cells have to say."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [o.get("text") or o.get("data", {}).get(PLAIN) for o in outputs if o.output_type != "display_data"]


@pytest.fixture
def recorded(tmp_path: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> nbformat.NotebookNode:
    """The notebook as it was when it was recorded; it lies in ``tmp_path`` without its outputs, beside its cassette."""
    monkeypatch.setenv("AVA_BASE_URL", endpoint.url)
    endpoint.says("A **list** ", "holds <b>things</b>.")
    endpoint.says("<think>Hm.</think>A tuple is", " fixed.")
    for words in ("first", "second", "```python\nprint(1)\n```"):
        endpoint.says(words)
    endpoint.answers(b'{"error": {"message": "no such thing"}}', status=400)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, tmp_path / "notebook.ipynb")
    done = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert len((tmp_path / "chat.jsonl").read_text("utf-8").splitlines()) == len(endpoint.requests) == 6
    assert len(replies(done)) == 6
    endpoint.forget()
    monkeypatch.delenv("AVA_BASE_URL")
    return done


@pytest.fixture
def offline(tmp_path: Path) -> Offline:
    return Offline(tmp_path)


def test_offline_is_offline(offline: Offline, endpoint: Endpoint) -> None:
    endpoint.says("hello")
    code = f"import asyncio, ava_magic; asyncio.run(ava_magic.Chat(base_url={endpoint.url!r}).ask('hi'))"
    Path(offline._folder, "asks.py").write_text(code)
    done = offline.run("asks")
    assert "AvaError" in done.stderr
    assert "socket.connect" in offline.tried
    assert not endpoint.requests


@pytest.mark.parametrize(
    "command",
    [
        ("nbconvert", "--to", "notebook", "--execute", "notebook.ipynb", "--output", "again.ipynb"),
        ("papermill", "notebook.ipynb", "again.ipynb"),
        ("pytest", "--nbmake", "--overwrite", "-p", "no:cacheprovider", "again.ipynb"),
    ],
    ids=lambda command: "nbmake" if "--nbmake" in command else command[0],
)
def test_a_recorded_notebook_runs_again(
    recorded: nbformat.NotebookNode, offline: Offline, tmp_path: Path, endpoint: Endpoint, command: tuple[str, ...]
) -> None:
    pytest.importorskip("nbmake" if command[0] == "pytest" else command[0], reason="it comes with the extra test")
    again = tmp_path / "again.ipynb"
    again.write_bytes((tmp_path / "notebook.ipynb").read_bytes())
    before = (tmp_path / "chat.jsonl").read_bytes()
    done = offline.run(*command, AVA_REPLAY="1")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    notebook = nbformat.read(again, as_version=4)
    assert replies(notebook) == replies(recorded)
    assert rest(notebook) == rest(recorded)
    assert (tmp_path / "chat.jsonl").read_bytes() == before
    assert offline.tried == ""
    assert not endpoint.requests


def test_an_edited_notebook_fails_with_what_differs(
    recorded: nbformat.NotebookNode, offline: Offline, tmp_path: Path
) -> None:
    notebook = (tmp_path / "notebook.ipynb").read_text("utf-8").replace("and a tuple?", "and a set?")
    (tmp_path / "notebook.ipynb").write_text(notebook, "utf-8")
    done = offline.run("nbconvert", "--to", "notebook", "--execute", "notebook.ipynb", AVA_REPLAY="1")
    assert done.returncode != 0
    assert "not in chat.jsonl" in done.stderr
    assert "- user: and a tuple?\n  + user: and a set?" in done.stderr
    assert offline.tried == ""


class TestInAKernel:
    """What a person sees who records, and then replays."""

    def test_recording_and_then_replaying_shows_the_same(
        self, kernel: Kernel, endpoint: Endpoint, tmp_path: Path
    ) -> None:
        path = tmp_path / "chat.jsonl"
        kernel.run(f"%config AvaMagics.base_url = {endpoint.url!r}\n%config AvaMagics.record = {str(path)!r}")
        endpoint.says("a **streamed** ", "reply")
        endpoint.says("another")
        cells = {name: kernel.run(code, cell_id=name) for name, code in (("a", "%ava hi?"), ("b", "%ava more?"))}
        before = path.read_bytes()
        endpoint.forget()
        assert "2 recorded; nothing is sent" in kernel.run("%ava --replay").stdout
        for name, code in (("a", "%ava hi?"), ("b", "%ava more?"), ("b", "%ava more?")):
            again = kernel.run(code, cell_id=name)
            [old], [new] = cells[name].outputs, again.outputs
            assert new["data"] == old["data"]
            assert new["metadata"]["ava_magic"] | {"at": 0} == old["metadata"]["ava_magic"] | {"at": 0}
        assert kernel.run("%ava other").error.startswith("AvaError (config): this request is not in chat.jsonl")
        assert path.read_bytes() == before
        kernel.run("%config AvaMagics.record = ''")
        endpoint.says("from the endpoint")
        assert "from the endpoint" in kernel.run("%ava hi?", cell_id="a").outputs[0]["data"][PLAIN]
        assert path.read_bytes() == before

    def test_a_cell_that_is_run_again_records_one_reply(
        self, kernel: Kernel, endpoint: Endpoint, tmp_path: Path
    ) -> None:
        path = tmp_path / "chat.jsonl"
        kernel.run(f"%config AvaMagics.base_url = {endpoint.url!r}\n%config AvaMagics.record = {str(path)!r}")
        for words in ("one", "two", "three"):
            endpoint.says(words)
        for question in ("hi", "hi", "hello"):
            kernel.run(f"%ava {question}", cell_id="a")
        [entry] = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        assert entry["messages"][0]["content"] == "hello"
        assert "three" in entry["reply"]

    def test_replaying_with_no_cassette_named_is_one_line_and_replaces_nothing(
        self, kernel: Kernel, endpoint: Endpoint
    ) -> None:
        endpoint.says("still asked")
        cell = kernel.run("%ava --replay")
        assert cell.error.startswith("AvaError (config): replies are to come from a cassette, and none is named")
        assert kernel.run(f"%ava --base-url {endpoint.url} hi").status == "ok"
