"""The moments in a reply's life at which somebody may press Stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .endpoint import Endpoint, Gate, Pause, chunk
from .kernel import Cell, Kernel

__all__ = ["MOMENTS", "Moment"]

_FLOOD = chunk("word " * 20) * 240
_RICH_FLOOD = chunk("word, some **bold** ones and `code`, a [link](http://x.com).\n\n" * 4) * 80
_PACE = Pause(0.006)
_LATER = "Retry-After: 60\r\nContent-Length: 0\r\n"


@dataclass(frozen=True)
class Moment:
    """What the endpoint does, what stands on the screen when the moment has come, and whether a connection is open.

    ``shown`` is ``""`` where nothing of it is to be seen yet.
    """

    answer: Callable[[Endpoint], None]
    shown: str = ""
    is_connected: bool = True

    def wait_for(self, kernel: Kernel, endpoint: Endpoint, cell: Cell, streams: int = 1) -> None:
        endpoint.wait_for_request(streams)
        if self.shown:
            kernel.collect(cell, lambda: self.shown in cell.seen)


MOMENTS = {
    "before the first byte": Moment(lambda endpoint: endpoint.answers_raw(Gate())),
    "before the first word": Moment(lambda endpoint: endpoint.says(Gate())),
    "waiting to retry": Moment(
        lambda endpoint: endpoint.answers(status=503, headers=_LATER), "asking again in", is_connected=False
    ),
    "silent after some words": Moment(lambda endpoint: endpoint.says("word ", Gate()), "word"),
    "in full flow": Moment(lambda endpoint: endpoint.says(*["word ", _PACE] * 3000), "word"),
    "in a flood of Markdown": Moment(lambda endpoint: endpoint.says(*[_RICH_FLOOD, _PACE] * 270), "word"),
    # until the reply is as long as it may be
    "in a flood of 10 MB/s": Moment(lambda endpoint: endpoint.says(*[_FLOOD, _PACE] * 270), "word"),
}
