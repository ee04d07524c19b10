"""Stop, at any moment and anywhere: the connection is closed, what had come is kept, the kernel stays usable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import IPython
import pytest

from .endpoint import Endpoint, Gate, chunk
from .kernel import HTML, Cell, Kernel

_LATER = "Retry-After: 60\r\nContent-Length: 0\r\n"


@pytest.fixture
def asked(kernel: Kernel, endpoint: Endpoint) -> Iterator[Kernel]:
    """A kernel that asks the scripted endpoint; the handler is given back and a sleeping cell can be interrupted."""
    kernel.run(f"%config AvaMagics.base_url = {endpoint.url!r}\nimport asyncio, signal, time")
    yield kernel
    assert kernel.value("signal.getsignal(signal.SIGINT) is signal.default_int_handler") == "True"
    sleeping = kernel.start("print('asleep')\ntime.sleep(60)")
    kernel.collect(sleeping, lambda: "asleep" in sleeping.stdout)
    kernel.interrupt()
    kernel.finish(sleeping)
    assert sleeping.reply["ename"] == "KeyboardInterrupt"


class _Pace(Gate):
    """A step that takes a few milliseconds."""

    async def wait(self) -> None:
        await asyncio.sleep(0.006)


def _is_asked(kernel: Kernel, endpoint: Endpoint, cell: Cell) -> None:
    endpoint.wait_for_request()


def _is_painted(kernel: Kernel, endpoint: Endpoint, cell: Cell) -> None:
    kernel.collect(cell, lambda: any("word" in html for html in cell.painted))


def _waits_to_retry(kernel: Kernel, endpoint: Endpoint, cell: Cell) -> None:
    kernel.collect(cell, lambda: "asking again in" in cell.statuses)


@dataclass(frozen=True)
class _Moment:
    """What the endpoint does, and how to wait until it is time to interrupt."""

    answer: Callable[[Endpoint], None]
    wait: Callable[[Kernel, Endpoint, Cell], None]


_MOMENTS = {
    "before the first byte": _Moment(lambda endpoint: endpoint.answers_raw(Gate()), _is_asked),
    "before the first word": _Moment(lambda endpoint: endpoint.says(Gate()), _is_asked),
    "waiting to retry": _Moment(lambda endpoint: endpoint.answers(status=503, headers=_LATER), _waits_to_retry),
    "silent after words": _Moment(lambda endpoint: endpoint.says("word ", Gate()), _is_painted),
    "in full flow": _Moment(lambda endpoint: endpoint.says(*["word ", _Pace()] * 3000), _is_painted),
    # 10 MB/s, until a reply may be no longer
    "in a flood": _Moment(lambda endpoint: endpoint.says(*[chunk("word " * 20) * 240, _Pace()] * 270), _is_painted),
}
_PLACES = {
    "cell": "%ava go",
    "function": "def ask():\n    %ava go\nask()",
    "task": "async def ask():\n    %ava go\nawait asyncio.create_task(ask())",
    "run_cell": "get_ipython().run_cell('%ava go').raise_error()",
}
if IPython.version_info >= (8,):  # before it, %%time swallows every error
    _PLACES["%%time"] = "%%time\n%ava go"


@pytest.mark.parametrize("when", _MOMENTS)
@pytest.mark.parametrize("where", _PLACES)
def test_an_interrupt_stops_it_and_keeps_what_had_come(
    asked: Kernel, endpoint: Endpoint, where: str, when: str
) -> None:
    moment = _MOMENTS[when]
    moment.answer(endpoint)
    cell = asked.start(_PLACES[where])
    queued = asked.start("after = True")
    moment.wait(asked, endpoint, cell)
    asked.interrupt()
    asked.finish(cell)
    assert cell.status == "error"
    assert cell.reply["ename"] == "KeyboardInterrupt"
    assert len(cell.error.splitlines()) == 1 + (where == "run_cell")  # there it is told by both cells
    assert asked.finish(queued).status == "aborted"
    if when != "waiting to retry":  # then no connection is open
        assert endpoint.requests[0].hung_up.wait(5)
    history = asked.run("%ava --history").stdout
    if moment.wait is _is_painted:
        assert "word" in cell.outputs[0]["data"][HTML]
        assert "stopped" in cell.outputs[0]["data"][HTML]
        assert asked.value("_.partial, _.text.startswith('word')") == "(True, True)"
        assert "(stopped)" in history
    else:
        assert "is empty" in history
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("when", ["before the first byte", "silent after words", "in full flow"])
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
    _MOMENTS[when].answer(endpoint)
    cell = asked.start(code)
    queued = asked.start("after = True")
    _MOMENTS[when].wait(asked, endpoint, cell)
    endpoint.wait_for_request(20)
    asked.interrupt()
    assert asked.finish(cell).status == "error"
    assert asked.finish(queued).status == "aborted"
    for request in endpoint.requests:
        assert request.hung_up.wait(5)
