"""Kernels and programs that are not as IPython left them: patched, embedded, on another loop."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .endpoint import Endpoint, Gate
from .kernel import HTML, Cell, Kernel


@pytest.fixture
def fresh_kernel() -> Iterator[Kernel]:
    """A kernel of its own: what these tests do to it stays done."""
    kernel = Kernel()
    yield kernel
    kernel.shutdown()


def _shows(cell: Cell, words: str) -> bool:
    return any(words in html for html in cell.painted)


_PATCH = "import nest_asyncio; nest_asyncio.apply()"
_LOAD = "%load_ext ava_magic"


@pytest.mark.parametrize("cells", [(_PATCH, _LOAD), (_LOAD, _PATCH)], ids=["before", "after"])
def test_a_kernel_whose_asyncio_is_patched_loses_nothing(
    fresh_kernel: Kernel, endpoint: Endpoint, cells: tuple[str, str]
) -> None:
    for setup in (*cells, "ran = []", f"%config AvaMagics.base_url = {endpoint.url!r}"):
        assert fresh_kernel.run(setup).status == "ok"
    for code in ("%ava hi", "def ask():\n    return %ava hi\nask()", "%%time\n%ava hi"):
        gate = Gate()
        endpoint.says("first words, ", gate, "last words")
        asking = fresh_kernel.start(code)
        queued = [fresh_kernel.start(f"ran.append({number})") for number in range(3)]
        fresh_kernel.collect(asking, functools.partial(_shows, asking, "first words"))
        gate.open()
        for cell in (asking, *queued):
            assert fresh_kernel.finish(cell).status == "ok", cell.error
        endpoint.forget()
    assert fresh_kernel.value("ran") == repr([0, 1, 2] * 3)


def test_loading_patches_nothing(fresh_kernel: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("ok")
    before = fresh_kernel.value("__import__('asyncio').Task.__module__, __import__('asyncio').run.__module__")
    fresh_kernel.run(f"%load_ext ava_magic\n%config AvaMagics.base_url = {endpoint.url!r}")
    fresh_kernel.run("def ask():\n    %ava hi\nask()")
    fresh_kernel.run("%ava hi")
    after = fresh_kernel.value("__import__('asyncio').Task.__module__, __import__('asyncio').run.__module__")
    assert before == after
    assert fresh_kernel.value("'nest_asyncio' in __import__('sys').modules") == "False"


_EMBEDDED = """
import asyncio, IPython

beats = []

async def heart():
    while True:
        beats.append(1)
        await asyncio.sleep(0.001)

async def main():
    pulse = asyncio.create_task(heart())
    await asyncio.sleep(0.01)
    IPython.embed(banner1="", config=config)
    pulse.cancel()

from traitlets.config import Config
config = Config()
config.TerminalInteractiveShell.simple_prompt = True
"""


@pytest.mark.parametrize(
    "how", ["asyncio.run(main())", "IPython.embed(banner1='', config=config)"], ids=["loop", "plain"]
)
def test_an_embedded_shell_streams_while_the_programs_own_tasks_go_on(
    tmp_path: Path, endpoint: Endpoint, how: str
) -> None:
    gate = Gate()
    endpoint.says("first words, ", gate, "last words")
    script = tmp_path / "program.py"
    script.write_text(_EMBEDDED + how)
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "IPYTHONDIR": str(tmp_path)},
    )
    assert process.stdin is not None
    lines = ["%load_ext ava_magic", "start = len(beats)", f"answer = %ava --base-url {endpoint.url} hi?"]
    lines += ["print('beats', len(beats) - start)", "print(repr(str(answer)))", "exit", ""]
    process.stdin.write("\n".join(lines))
    process.stdin.flush()
    assert gate.reached.wait(30)
    gate.open()
    out, _ = process.communicate(timeout=30)
    assert "'first words, last words'" in out
    beats = int(out.rpartition("beats ")[2].split()[0])
    assert (beats > 0) == ("run" in how)


def test_a_kernel_on_uvloop(tmp_path: Path, endpoint: Endpoint) -> None:
    pytest.importorskip("uvloop")
    kernel = Kernel(**os.environ, PYTHONSTARTUP="")
    try:
        kernel.run("import uvloop, asyncio; asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())")
        kernel.run(f"%load_ext ava_magic\n%config AvaMagics.base_url = {endpoint.url!r}")
        endpoint.says("ok")
        assert kernel.run("%ava hi").status == "ok"
        assert kernel.run("def ask():\n    %ava hi\nask()").status == "ok"
        assert "uvloop" in kernel.value("type(asyncio.new_event_loop()).__module__")
    finally:
        kernel.shutdown()


@pytest.mark.parametrize(
    "code", ["%ava hi", "def ask():\n    %ava hi\nask()", "%ava -b hi"], ids=["awaited", "function", "background"]
)
def test_a_kernel_that_is_shut_down_in_mid_reply_hangs_up_and_leaves_what_had_come(
    code: str, endpoint: Endpoint
) -> None:
    gate = Gate()
    endpoint.says("half", gate)
    kernel = Kernel()
    try:
        kernel.run(f"%load_ext ava_magic\n%config AvaMagics.base_url = {endpoint.url!r}")
        cell = kernel.start(code)
        kernel.collect(cell, lambda: "half" in "".join(cell.painted))
        kernel.client.shutdown()
        assert endpoint.requests[0].hung_up.wait(20)
        assert kernel.wait_for_update(cell, "stopped before its end")["data"][HTML]
        kernel.manager.finish_shutdown()
    finally:
        kernel.shutdown()
