"""Stop, at any moment and anywhere: the connection is closed, what had come is kept, the kernel stays usable."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from .endpoint import Endpoint, Gate
from .kernel import HTML, Kernel
from .moments import MOMENTS


@pytest.fixture
def asked(asked: Kernel) -> Iterator[Kernel]:
    """Afterwards the handler is given back and a sleeping cell can be interrupted."""
    asked.run("import asyncio, signal, time")
    yield asked
    assert asked.value("signal.getsignal(signal.SIGINT) is signal.default_int_handler") == "True"
    sleeping = asked.start("print('asleep')\ntime.sleep(60)")
    asked.collect(sleeping, lambda: "asleep" in sleeping.stdout)
    asked.interrupt()
    asked.finish(sleeping)
    assert sleeping.reply["ename"] == "KeyboardInterrupt"


_PLACES = {
    "cell": "%ava go",
    "function": "def ask():\n    %ava go\nask()",
    "task": "async def ask():\n    %ava go\nawait asyncio.create_task(ask())",
    "run_cell": "get_ipython().run_cell('%ava go').raise_error()",
    "%%time": "%%time\n%ava go",
}


@pytest.mark.usefixtures("aborts_the_queue")
@pytest.mark.parametrize("when", MOMENTS)
@pytest.mark.parametrize("where", _PLACES)
def test_an_interrupt_stops_it_and_keeps_what_had_come(
    asked: Kernel, endpoint: Endpoint, where: str, when: str
) -> None:
    if not asked.lets_errors_through(_PLACES[where]):
        pytest.skip("this IPython swallows every error here")
    moment = MOMENTS[when]
    moment.answer(endpoint)
    cell = asked.start(_PLACES[where])
    queued = asked.start("after = True")
    moment.wait_for(asked, endpoint, cell)
    asked.interrupt()
    asked.finish(cell)
    assert cell.status == "error"
    assert cell.reply["ename"] == "KeyboardInterrupt"
    assert len(cell.error.splitlines()) == 1 + (where == "run_cell")  # there it is told by both cells
    assert asked.finish(queued).status == "aborted"
    if moment.is_connected:
        assert endpoint.requests[0].hung_up.wait(20)
    history = asked.run("%ava --history").shown
    if moment.shown == "word":
        assert "word" in cell.outputs[0]["data"][HTML]
        assert "stopped" in cell.outputs[0]["data"][HTML]
        assert asked.value("_.partial, _.text.startswith('word')") == "(True, True)"
        assert "(stopped)" in history
    else:
        assert "is empty" in history
    assert len(endpoint.requests) == 1


@pytest.mark.usefixtures("aborts_the_queue")
@pytest.mark.parametrize("when", ["before the first byte", "silent after some words", "in full flow"])
@pytest.mark.parametrize(
    "code",
    [
        "await asyncio.gather(*(ask(n) for n in range(20)))",
        "async with asyncio.TaskGroup() as group:\n    for n in range(20):\n        group.create_task(ask(n))",
    ],
    ids=["gather", "TaskGroup"],
)
def test_an_interrupt_stops_many_streams_at_once(asked: Kernel, endpoint: Endpoint, code: str, when: str) -> None:
    asked.run("async def ask(n):\n    %ava -n {n}")
    MOMENTS[when].answer(endpoint)
    cell = asked.start(code)
    queued = asked.start("after = True")
    MOMENTS[when].wait_for(asked, endpoint, cell, 20)
    asked.interrupt()
    assert asked.finish(cell).status == "error"
    assert asked.finish(queued).status == "aborted"
    for request in endpoint.requests:
        assert request.hung_up.wait(20)


_BUSY = {
    "after": "%ava go\n{}",
    "before": "if busy:\n    {}\n%ava go",
    "after a cell in the cell": "%ava go\nget_ipython().run_cell('1')\n{}",
}


@pytest.mark.parametrize("code", _BUSY.values(), ids=_BUSY)
def test_an_interrupt_ends_what_is_busy_in_a_cell_that_asks(asked: Kernel, endpoint: Endpoint, code: str) -> None:
    """A kernel's own handler has the loop cancel such a cell, and the loop does not turn meanwhile."""
    endpoint.says("an answer")
    asked.run("busy = True")
    cell = asked.start(code.format("[print('busy'), [time.sleep(0.01) for _ in range(6000)]]"))
    asked.collect(cell, lambda: "busy" in cell.stdout)
    asked.interrupt()
    asked.finish(cell, 10)
    assert cell.reply["ename"] == "KeyboardInterrupt"
    assert "time.sleep(" in re.sub(r"\x1b\[[0-9;]*m", "", cell.error)
    assert "ava_magic" not in cell.error.rpartition("awaited")[2]
    assert len(endpoint.requests) == code.startswith("%ava")
    assert asked.run("%ava go").status == "ok"


def _asks_from_between_two_cells_until_within_one(asked: Kernel, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.forget()
    endpoint.says("half", gate)
    asked.run("between_cells = get_ipython().kernel.saved_sigint_handler\nawait asyncio.sleep(0)")
    asked.run("task = asyncio.create_task(ask())\nawait asyncio.sleep(0)")
    assert gate.reached.wait(20)
    waiting = asked.start("print('waits')\nawait task")
    asked.collect(waiting, lambda: waiting.stdout != "")
    gate.open()
    assert asked.finish(waiting).status == "ok"


def test_what_begins_between_two_cells_gives_the_handler_back(asked: Kernel, endpoint: Endpoint) -> None:
    """A kernel keeps the handler that it finds when a cell begins, and puts it back after that: ours, twice here."""
    asked.run(
        "async def ask():\n"
        "    while signal.getsignal(signal.SIGINT) != between_cells: await asyncio.sleep(0)\n"
        "    %ava -n hi"
    )
    for _ in range(2):
        _asks_from_between_two_cells_until_within_one(asked, endpoint)
    struck = asked.run(
        "signal.signal(signal.SIGINT, get_ipython().kernel.saved_sigint_handler)\nsignal.raise_signal(signal.SIGINT)"
    )
    assert struck.reply.get("ename") in (None, "KeyboardInterrupt")
