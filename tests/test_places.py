"""Everywhere in a notebook that a question may be written; the first words are seen before the last are sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from .endpoint import Endpoint, Gate
from .kernel import HTML, WIDGET, Cell, Kernel

_SAID = "first words, last words"


@pytest.fixture
def asked(asked: Kernel) -> Kernel:
    """With what the places need at hand."""
    asked.run("import asyncio, contextlib, threading\nip = get_ipython()")
    return asked


def _begin(kernel: Kernel, endpoint: Endpoint, code: str) -> tuple[Cell, Gate]:
    gate = Gate()
    endpoint.says("first words, ", gate, "last words")
    return kernel.start(code), gate


def _see_it_stream(kernel: Kernel, cell: Cell, gate: Gate) -> None:
    """Wait for the first words, send the last, and wait for those."""
    kernel.collect(cell, lambda: "first words" in cell.seen)
    assert "last words" not in cell.seen
    gate.open()
    kernel.collect(cell, lambda: _SAID in cell.seen)


def _streams(kernel: Kernel, endpoint: Endpoint, code: str) -> Cell:
    cell, gate = _begin(kernel, endpoint, code)
    _see_it_stream(kernel, cell, gate)
    kernel.finish(cell)
    assert cell.status == "ok", cell.error
    assert not cell.stderr
    assert [request.messages[-1] for request in endpoint.requests] == [("user", "what about 7?")]
    return cell


_AT_TOP_LEVEL = {
    "alone": "%ava what about 7?",
    "a cell": "%%ava\nwhat about 7?",
    "assigned": "answer = %ava what about 7?",
    "after other statements": "x = 7\nprint(x)\n%ava what about {x}?\ny = 8",
    "behind a semicolon": "x = 7; answer = %ava what about {x}?",
    "if": "if 1 > 2:\n    pass\nelse:\n    %ava what about 7?",
    "for": "for x in [7]:\n    %ava what about {x}?",
    "while": "x = 7\nwhile x < 8:\n    %ava what about {x}?\n    x += 1",
    "with": "with contextlib.suppress(KeyError) as x:\n    answer = %ava what about 7?",
    "async with": "async with asyncio.timeout(60):\n    %ava what about 7?",
    "try": "try:\n    %ava what about 7?\nexcept KeyError:\n    pass",
    "except": "try:\n    1 / 0\nexcept ZeroDivisionError:\n    %ava what about 7?",
    "finally": "try:\n    pass\nfinally:\n    %ava what about 7?",
    "match": "match 7:\n    case x:\n        %ava what about {x}?",
}
_IN_EXPRESSIONS = {
    "comprehension": "[ip.run_line_magic('ava', f'what about {x}?') for x in [7]]",
    "lambda": "(lambda x: ip.run_line_magic('ava', f'what about {x}?'))(7)",
    "generator": "list(ip.run_line_magic('ava', f'what about {x}?') for x in [7])",
    "f-string": "f\"{ip.run_line_magic('ava', 'what about 7?')}\"",
    "run_cell_magic": "ip.run_cell_magic('ava', '', 'what about 7?')",
}
_IN_DEFINITIONS = {
    "function": "def ask(x):\n    return %ava what about {x}?\nanswer = ask(7)",
    "function in a function": "def f(x):\n    def g():\n        return %ava what about 7?\n    return g()\nf(7)",
    "generator function": "def f(x):\n    answer = %ava what about {x}?\n    yield answer\nlist(f(7))",
    "class": "class A:\n    answer = %ava what about 7?",
    "method": "class A:\n    def ask(self, x):\n        return %ava what about {x}?\nA().ask(7)",
    "property": "class A:\n    @property\n    def x(self):\n        return %ava what about 7?\nA().x",
    "async def": "async def ask(x):\n    return %ava what about {x}?\nanswer = await ask(7)",
    "async generator": "async def f(x):\n    answer = %ava what about {x}?\n    yield answer\n[y async for y in f(7)]",
    "function that a coroutine calls": "def f():\n    return %ava what about 7?\nasync def g():\n    f()\nawait g()",
}
_IN_TASKS = {
    "create_task": "async def ask(x):\n    return %ava what about {x}?\nanswer = await asyncio.create_task(ask(7))",
    "gather": "async def ask(x):\n    return %ava what about {x}?\n[answer] = await asyncio.gather(ask(7))",
    "TaskGroup": "async def ask():\n    %ava what about 7?\n"
    "async with asyncio.TaskGroup() as group:\n    group.create_task(ask()) and None",
    "call_soon": "done = asyncio.Event()\ndef ask():\n    %ava what about 7?\n    done.set()\n"
    "asyncio.get_running_loop().call_soon(ask) and None\nawait done.wait()",
}
_IN_THREADS = {
    "thread": "def ask():\n    %ava what about 7?\nt = threading.Thread(target=ask)\nt.start()\nt.join()",
    "to_thread": "def ask():\n    %ava what about 7?\nawait asyncio.to_thread(ask)",
    "asyncio.run in a thread": "async def ask():\n    %ava what about 7?\n"
    "t = threading.Thread(target=lambda: asyncio.run(ask()))\nt.start()\nt.join()",
    "function under asyncio.run in a thread": "def f():\n    %ava what about 7?\nasync def ask():\n    f()\n"
    "t = threading.Thread(target=lambda: asyncio.run(ask()))\nt.start()\nt.join()",
}
_UNDER_MAGICS = {
    "%%time": "%%time\n%ava what about 7?",
    "%time": "%time %ava what about 7?",
    "%%timeit": "%%timeit -n1 -r1\n%ava what about 7?",
    "%timeit": "%timeit -n1 -r1 %ava what about 7?",
    "%%prun": "%%prun -q\n%ava what about 7?",
    "%prun": "%prun -q %ava what about 7?",
    "run_cell": "ip.run_cell('%ava what about 7?') and None",
    "run_cell in a function": "def f():\n    ip.run_cell('x = 7\\n%ava what about {x}?')\nf()",
    "run_cell_async": "code = 'x = 7\\n%ava what about {x}?'\n"
    "await ip.run_cell_async(code, transformed_cell=ip.transform_cell(code)) and None",
    "exec": "exec(ip.transform_cell('%ava what about 7?'))",
}


def _places(*tables: dict[str, str]) -> pytest.MarkDecorator:
    places = {name: code for table in tables for name, code in table.items()}
    return pytest.mark.parametrize("code", list(places.values()), ids=list(places))


@_places(_AT_TOP_LEVEL, _IN_EXPRESSIONS, _IN_DEFINITIONS, _IN_TASKS, _IN_THREADS, _UNDER_MAGICS)
def test_it_streams_wherever_it_is_written(asked: Kernel, endpoint: Endpoint, code: str) -> None:
    _streams(asked, endpoint, code)


_NEEDS_AWAIT = ("async with", "async def", "async generator", "function that a coroutine calls")


@_places({name: code for name, code in (_AT_TOP_LEVEL | _IN_DEFINITIONS).items() if name not in _NEEDS_AWAIT})
def test_it_streams_with_autoawait_off(asked: Kernel, endpoint: Endpoint, code: str) -> None:
    asked.run("%autoawait False")
    try:
        _streams(asked, endpoint, code)
    finally:
        asked.run("%autoawait True")


def test_it_streams_in_a_file_that_is_run(asked: Kernel, endpoint: Endpoint, tmp_path: Path) -> None:
    (tmp_path / "file.ipy").write_text("x = 7\nanswer = %ava what about {x}?\n")
    _streams(asked, endpoint, f"%run {tmp_path / 'file.ipy'}")
    assert asked.value("str(answer)") == repr(_SAID)


def test_it_streams_in_a_plain_module_that_is_run(asked: Kernel, endpoint: Endpoint, tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text("answer = get_ipython().run_line_magic('ava', 'what about 7?')\n")
    _streams(asked, endpoint, f"%run {tmp_path / 'file.py'}")


def test_what_is_captured_is_the_whole_reply_and_nothing_reaches_the_screen(asked: Kernel, endpoint: Endpoint) -> None:
    cell, gate = _begin(asked, endpoint, "%%capture caught\nanswer = %ava what about 7?")
    assert gate.reached.wait(20)
    gate.open()
    asked.finish(cell)
    assert cell.status == "ok", cell.error
    assert not cell.outputs
    [output] = asked.run("caught()").outputs
    assert _SAID in output["data"][HTML]
    assert asked.value("str(answer)") == repr(_SAID)


@pytest.mark.parametrize("how", ["def", "async def"])
def test_it_streams_in_a_widgets_callback(asked: Kernel, endpoint: Endpoint, how: str) -> None:
    asked.run("from ipywidgets import Button\nbutton = Button()")
    if how == "def":
        asked.run("@button.on_click\ndef clicked(_):\n    global answer\n    answer = %ava what about 7?")
    else:
        asked.run("async def ask():\n    global answer\n    answer = %ava what about 7?")
        asked.run("@button.on_click\ndef clicked(_):\n    global task\n    task = asyncio.ensure_future(ask())")
    gate = Gate()
    endpoint.says("first words, ", gate, "last words")
    model = asked.value("button.model_id").strip("'")
    click = asked.click(model)
    _see_it_stream(asked, click, gate)
    if how == "async def":
        assert asked.run("await task and None").status == "ok"  # the whole reply is seen before it has ended
    assert asked.value("str(answer)") == repr(_SAID)


@pytest.mark.parametrize("display", ["auto", "html", "text"])
@pytest.mark.parametrize("question", ["hi", "-m one -m other hi", "--each numbers {item}?"], ids=["one", "two", "each"])
def test_inside_an_output_widget_it_is_shown_in_one_that_stays(
    asked: Kernel, endpoint: Endpoint, display: str, question: str
) -> None:
    """Front ends take no update of what is displayed in there: the reply would be gone with its area."""
    endpoint.says("what was ", "said")
    asked.run(
        f"%config AvaMagics.display = {display!r}\nfrom ipywidgets import Output\nplace, numbers = Output(), [1, 2]"
    )
    cell = asked.run(f"with place:\n    %ava {question}")
    assert not cell.of_type("update_display_data")
    [shown] = cell.of_type("display_data")
    assert "what was said" in cell.painted[-1]
    assert shown["data"][WIDGET]["model_id"] in cell.left_open
