"""A front end without widgets: the reply streams by ``update_display``, and ends as the output that stays."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.display import display, update_display

from ..controls import visible
from ..conversation.kept import record_of
from ..markdown.blocks import Blocks
from ..markdown.html import as_it_is, plain, to_html
from ..markdown.unfinished import mend
from ..reply import Reply
from . import Fresh, pace, status_line

if TYPE_CHECKING:
    from ..turn import Turn

__all__ = [
    "BYTES_A_SECOND",
    "HOW_TO_STOP",
    "HtmlView",
    "TextView",
    "final_bundle",
    "is_in_haste",
    "put_together",
    "repeat_at_next_cell",
    "repeat_what_ended",
]

HOW_TO_STOP = "interrupt the kernel to stop"
_LONG_BLOCK = 3000  # characters of a block that are painted again with each frame
BYTES_A_SECOND = 40_000
"""What the frames of one reply may take of the way to the browser."""


def final_bundle(
    reply: Reply | None, turn: Turn, body: str | None = None, failure: str = ""
) -> tuple[dict[str, str], dict[str, Any]]:
    """The output that stays: its data in three forms, and the turn as metadata, for ``--resume``.

    ``body`` is the text as HTML, where nobody may wait until it is rendered anew.  Where nothing came the output is
    empty but for a ``failure``; of a cell that waited, the line that says why stands below it, where a traceback would.
    """
    data = {"text/plain": "", "text/html": ""}
    if reply is not None:
        data = reply._repr_mimebundle_() if body is None else reply.as_output(body, hastily=True)
    if failure:
        data["text/plain"] += f"\n{visible(failure)}"
        data["text/html"] += f'<p role="alert">{plain(failure)}</p>'
    return data, {} if reply is None else {"ava_magic": record_of(turn)}


def is_in_haste(reply: Reply | None, fresh: Fresh) -> bool:
    """Whether a reply was stopped that takes long to render: who stops it does not wait for that."""
    return reply is not None and reply.partial and fresh.takes_long(len(reply.text) + len(reply.reasoning))


def put_together(painted: str, blocks: Blocks, fresh: Fresh) -> str:
    """The HTML of a reply that was stopped: what is ``painted``, and what is not yet, as the text that it is."""
    tail, rest = blocks.finish(), fresh.read()
    cut = len(tail)
    if fresh.takes_long(len(tail)):
        cut = 0
    elif rest:
        cut = max(tail.rfind("\n"), tail.rfind(" ")) + 1  # no word is torn apart
    html = painted + to_html(tail[:cut])
    return html + as_it_is(tail[cut:] + rest) if tail[cut:] + rest else html


class HtmlView:
    """Streams by ``update_display``, for a front end without widgets: the whole is sent again at a slower clock."""

    is_raw = False

    def __init__(self, turn: Turn, frame_rate: float, *, background: bool = False) -> None:
        self._turn = turn
        self._background = background
        self._frame = self._wanted = max(0.25, 1 / frame_rate)
        self._fresh = Fresh(turn, raw=self.is_raw)
        self._blocks = Blocks()
        self._settled = ""
        self._display_id = uuid.uuid4().hex

    def open(self) -> None:
        line = self.status()
        data = {"text/plain": line, "text/html": f"<small>{plain(line)}</small>"}
        display(data, raw=True, display_id=self._display_id)

    def status(self) -> str:
        """Who answers, for how long, how much has come."""
        return status_line(self._turn, self._fresh, "" if self._background else HOW_TO_STOP)

    def frame(self) -> dict[str, str] | None:
        """What to show now, ``None`` where nothing is new."""
        with self._fresh.frame() as text:
            return self._data(text) if text else None

    @pace
    def paint(self) -> float:
        if data := self.frame():
            update_display(data, raw=True, display_id=self._display_id)
            self._wanted = max(self._frame, 2 * sum(map(len, data.values())) / BYTES_A_SECOND)
        return self._wanted

    def close(self, reply: Reply | None, failure: str = "") -> None:
        data, metadata = self.finished(reply, failure)
        update_display(data, metadata=metadata, raw=True, display_id=self._display_id)
        if self._background:
            repeat_at_next_cell(data, metadata, self._display_id)

    def finished(self, reply: Reply | None, failure: str = "") -> tuple[dict[str, str], dict[str, Any]]:
        """The output that stays."""
        body = self._body() if is_in_haste(reply, self._fresh) else None
        return final_bundle(reply, self._turn, body, failure)

    def _body(self) -> str:
        return put_together(self._settled, self._blocks, self._fresh)

    def _data(self, fresh: str) -> dict[str, str]:
        """What to show when ``fresh`` text has come."""
        painted = self._blocks.settled + len(self._blocks.tail)
        self._settled += to_html(self._blocks.feed(fresh))
        if len(self._blocks.tail) > _LONG_BLOCK and (part := self._blocks.split(painted)):
            self._settled += to_html(part, continues=True)
        html = self._settled + to_html(mend(self._blocks.tail))
        return {"text/plain": self._fresh.taken, "text/html": html}


class TextView(HtmlView):
    """Streams in the same way, as plain text."""

    is_raw = True

    def _data(self, fresh: str) -> dict[str, str]:
        self._settled += fresh
        return {"text/plain": self._settled}

    def _body(self) -> str:
        return as_it_is(self._settled + self._fresh.read())


_ended_in_background: list[Callable[[], None]] = []


def repeat_at_next_cell(data: dict[str, str], metadata: dict[str, Any], display_id: str) -> None:
    """Show what has ended in the background once more when the next cell begins."""
    _ended_in_background.append(
        functools.partial(update_display, data, metadata=metadata, raw=True, display_id=display_id)
    )


def repeat_what_ended() -> None:
    """Show again what has ended in the background since the last call.

    A client that runs one cell after the other (nbclient) listens only while one runs, and a reply may end in between.
    """
    while _ended_in_background:
        _ended_in_background.pop(0)()
