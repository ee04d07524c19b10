"""What a reply leaves behind: its own cell's traces as any cell leaves them, and nothing else."""

from __future__ import annotations

import ast
import sys

import pytest

from .endpoint import Endpoint, Gate
from .kernel import Kernel

_SETUP = """
import asyncio, signal, threading
from tests.census import census

def ask():
    %ava -n hi
"""


@pytest.fixture
def asked(asked: Kernel) -> Kernel:
    """With a function that asks, and one that counts."""
    cell = asked.run(_SETUP)
    assert cell.status == "ok", cell.error
    return asked


def _census(kernel: Kernel) -> dict[str, object]:
    found: dict[str, object] = ast.literal_eval(kernel.value("census()"))
    return found


_WAYS = {
    "awaited": "    %ava -n hi",
    "called": "    ask()",
    "in a thread": "    thread = threading.Thread(target=ask); thread.start(); thread.join()",
}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="open files are counted in /proc")
@pytest.mark.parametrize("way", _WAYS)
def test_two_hundred_replies_leave_nothing_behind(asked: Kernel, endpoint: Endpoint, way: str) -> None:
    endpoint.says("some ", "**words**")
    loop = "for n in range({}):\n" + _WAYS[way]
    asked.run(loop.format(3))
    before = _census(asked)
    assert asked.finish(asked.start(loop.format(200)), 240).status == "ok"
    assert _census(asked) == before
    assert len(endpoint.requests) == 203


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="open files are counted in /proc")
@pytest.mark.parametrize("code", ["%ava -n hi", "ask()"], ids=["awaited", "called"])
def test_two_hundred_stopped_replies_leave_nothing_behind(asked: Kernel, endpoint: Endpoint, code: str) -> None:
    for number in range(203):
        if number == 3:
            before = _census(asked)
        gate = Gate()
        endpoint.forget()
        endpoint.says("half", gate)
        cell = asked.start(code)
        assert gate.reached.wait(20)
        asked.interrupt()
        assert asked.finish(cell).status == "error"
        assert endpoint.requests[0].hung_up.wait(20)
        asked.run("pass")  # so that the next one is not aborted as if it had waited
    assert _census(asked) == before


def test_loading_again_and_again_leaves_nothing_behind(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("ok")
    code = "%reload_ext ava_magic\n%ava -n hi\nask()"
    asked.run(code)
    before = _census(asked)
    for _ in range(20):
        assert asked.run(code).status == "ok"
    assert _census(asked) == before


@pytest.mark.parametrize("code", ["{}\n%ava -n hi", "{}\nask()", "%%time\n{}\n%ava -n hi"])
def test_within_the_cell_already_the_handler_is_given_back(asked: Kernel, endpoint: Endpoint, code: str) -> None:
    endpoint.says("ok")
    look = "{} = signal.getsignal(signal.SIGINT)".format
    assert asked.run(f"{code.format(look('before'))}\n{look('after')}").status == "ok"
    assert asked.value("before == after") == "True"
    assert asked.value("signal.getsignal(signal.SIGINT) is signal.default_int_handler") == "True"


def test_a_cell_that_asks_leaves_variables_history_and_out_as_any_cell(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("blue")
    first = asked.run("x = 1\ny = %ava -n my colour?\nz = 2\ny")
    number = first.reply["execution_count"]
    assert asked.value("x, str(y), z") == "(1, 'blue', 2)"
    assert asked.value(f"Out[{number}] is y is _{number} is _") == "True"
    assert asked.value(f"In[{number}].splitlines()[0], _ih[{number}] == In[{number}]") == "('x = 1', True)"
    raw = asked.value(f"get_ipython().history_manager.input_hist_raw[{number}]")
    assert ast.literal_eval(raw) == "x = 1\ny = %ava -n my colour?\nz = 2\ny"
    assert asked.run("%ava -n again?").reply["execution_count"] == number + 1
    assert asked.value(f"str(__), Out[{number}] is __") == "('blue', True)"
    assert "%ava -n again?" in asked.run("%history -n").stdout


@pytest.mark.parametrize(
    "code",
    [
        "%ava go",
        "async def ask_too():\n    %ava go\nawait asyncio.gather(ask_too(), ask_too())",
        "ask()",
        "%%time\n%ava go",
        "%%capture\n%ava go",
        "get_ipython().run_cell('%ava go') and None",
        _WAYS["in a thread"].strip(),
    ],
)
def test_cells_queued_while_a_reply_streams_run_afterwards_each_once_in_order(
    asked: Kernel, endpoint: Endpoint, code: str
) -> None:
    gate = Gate()
    endpoint.says("a", gate, "b")
    asked.run("ran = []")
    first = asked.start(code)
    queued = [asked.start(f"ran.append({n})") for n in range(5)]
    assert gate.reached.wait(20)
    gate.open()
    for cell in (first, *queued):
        assert asked.finish(cell).status == "ok", cell.error
    assert asked.value("ran") == "[0, 1, 2, 3, 4]"
