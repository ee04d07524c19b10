"""Kernels that are not as IPython left them: patched, on another loop, with a startup file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .endpoint import Endpoint, Gate
from .kernel import HTML, Cell, Kernel

_WAYS = ("%ava hi", "def ask():\n    return %ava hi\nask()", "%%time\n%ava hi")
_LOAD = "%load_ext ava_magic"


def _shows(cell: Cell, words: str) -> bool:
    return any(words in html for html in cell.painted)


def _streams_and_loses_nothing(kernel: Kernel, endpoint: Endpoint, code: str) -> None:
    """Ask with cells in the queue: the first words are seen before the last are sent, and each cell runs once."""
    kernel.run(f"%config AvaMagics.base_url = {endpoint.url!r}\nran = []")
    gate = Gate()
    endpoint.says("first words, ", gate, "last words")
    asking = kernel.start(code)
    queued = [kernel.start(f"ran.append({number})") for number in range(3)]
    kernel.collect(asking, lambda: _shows(asking, "first words"))
    gate.open()
    for cell in (asking, *queued):
        assert kernel.finish(cell).status == "ok", cell.error
    assert kernel.value("ran") == "[0, 1, 2]"


def _stops(kernel: Kernel, endpoint: Endpoint, code: str) -> None:
    kernel.run(f"%config AvaMagics.base_url = {endpoint.url!r}")
    gate = Gate()
    endpoint.says("half", gate)
    cell = kernel.start(code)
    assert gate.reached.wait(20)
    kernel.collect(cell, lambda: _shows(cell, "half"))
    kernel.interrupt()
    assert endpoint.requests[0].hung_up.wait(20)
    kernel.finish(cell)
    assert (cell.error + cell.stdout + cell.stderr).count("Stopped: ") == 1  # old versions of %%time print errors
    assert kernel.value("1 + 1") == "2"


@pytest.mark.parametrize("name", ["nest_asyncio", "nest_asyncio2"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kernel_whose_asyncio_is_patched(endpoint: Endpoint, fresh_kernel: Kernel, name: str, when: str) -> None:
    pytest.importorskip(name)
    patch = f"import {name}; {name}.apply()"
    for setup in (patch, _LOAD) if when == "before" else (_LOAD, patch):
        assert fresh_kernel.run(setup).status == "ok"
    for code in _WAYS:
        _streams_and_loses_nothing(fresh_kernel, endpoint, code)
        endpoint.forget()
        _stops(fresh_kernel, endpoint, code)
        endpoint.forget()


def test_loading_patches_nothing(fresh_kernel: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("ok")
    before = fresh_kernel.value("__import__('asyncio').Task.__module__, __import__('asyncio').run.__module__")
    fresh_kernel.run(f"%load_ext ava_magic\n%config AvaMagics.base_url = {endpoint.url!r}")
    fresh_kernel.run("def ask():\n    %ava hi\nask()")
    fresh_kernel.run("%ava hi")
    after = fresh_kernel.value("__import__('asyncio').Task.__module__, __import__('asyncio').run.__module__")
    assert before == after
    assert fresh_kernel.value("'nest_asyncio' in __import__('sys').modules") == "False"


def test_a_kernel_on_uvloop(tmp_path: Path, endpoint: Endpoint) -> None:
    """The loop of such a kernel is uvloop's from its first line on."""
    pytest.importorskip("uvloop")
    (tmp_path / "sitecustomize.py").write_text(
        "import asyncio, uvloop\nasyncio.set_event_loop_policy(uvloop.EventLoopPolicy())\n"
    )
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    kernel = Kernel(**{**os.environ, "PYTHONPATH": path})
    try:
        kernel.run(_LOAD)
        assert "uvloop" in kernel.value("type(__import__('asyncio').get_running_loop()).__module__")
        for code in _WAYS:
            _streams_and_loses_nothing(kernel, endpoint, code)
            endpoint.forget()
            _stops(kernel, endpoint, code)
            endpoint.forget()
    finally:
        kernel.shutdown()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("0.ipy", "%load_ext ava_magic\nanswer = %ava --base-url {} hi\n"),
        (
            "0.py",
            "ip = get_ipython()\nip.run_line_magic('load_ext', 'ava_magic')\n"
            "answer = ip.run_line_magic('ava', '--base-url {} hi?')\n",
        ),
    ],
)
def test_a_kernels_startup_file_asks_before_anybody_listens(
    tmp_path: Path, endpoint: Endpoint, name: str, code: str
) -> None:
    endpoint.says("first words, ", "last words")
    startup = tmp_path / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / name).write_text(code.format(endpoint.url))
    kernel = Kernel(**{**os.environ, "IPYTHONDIR": str(tmp_path)})
    try:
        assert kernel.value("str(answer)") == "'first words, last words'"
        endpoint.forget()
        _streams_and_loses_nothing(kernel, endpoint, "%ava hi")
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
