"""A front end without widgets: the reply streams by ``update_display``, and ends as the output that stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..markdown.blocks import Blocks
from ..markdown.html import as_it_is, plain, to_html
from ..markdown.unfinished import mend
from ..reply import Reply
from . import BYTES_A_SECOND, HOW_TO_STOP, pace, status_line
from .ending import final_bundle, is_in_haste, put_together
from .fresh import Fresh
from .place import Place

if TYPE_CHECKING:
    from ..turn import Turn

__all__ = ["HtmlView", "TextView"]

_LONG_BLOCK = 3000  # characters of a block that are painted again with each frame


class HtmlView:
    """Streams by ``update_display``, for a front end without widgets: the whole is sent again at a slower clock."""

    is_raw = False

    def __init__(self, turn: Turn, frame_rate: float, *, background: bool = False) -> None:
        self._turn = turn
        self._background = background
        self._frame = self._wanted = max(0.25, 1 / frame_rate)
        self._fresh = Fresh(turn, raw=self.is_raw)
        self._blocks = Blocks()
        self._settled: str = ""
        self._taken: list[str] = []
        self._place = Place()

    def open(self) -> None:
        self._place.show(self.status())

    def status(self) -> dict[str, str]:
        """What to show before the first words: who answers, and for how long."""
        line = status_line(self._turn, self._fresh, "" if self._background else HOW_TO_STOP)
        return {"text/plain": line, "text/html": f"<small>{plain(line)}</small>"}

    def frame(self) -> dict[str, str] | None:
        """What to show now, ``None`` where nothing is new."""
        with self._fresh.frame() as text:
            return self._data(text) if text else None

    @pace
    def paint(self) -> float:
        if data := self.frame():
            self._place.update(data)
            self._wanted = max(self._frame, 2 * sum(map(len, data.values())) / BYTES_A_SECOND)
        return self._wanted

    def close(self, reply: Reply | None, failure: str = "") -> None:
        data, metadata = self.finished(reply, failure)
        self._place.finish(data, metadata, background=self._background)

    def finished(self, reply: Reply | None, failure: str, under: str = "") -> tuple[dict[str, str], dict[str, Any]]:
        """The output that stays; ``under`` is what stands above it already."""
        painted = self._body() if is_in_haste(reply, self._fresh) else None
        return final_bundle(reply, self._turn, painted, failure, under)

    def _body(self) -> str:
        return put_together(self._settled, self._blocks, self._fresh)

    def _data(self, fresh: str) -> dict[str, str]:
        """What to show when ``fresh`` text has come."""
        self._taken.append(self._fresh.taken)
        painted = self._blocks.settled + len(self._blocks.tail)
        self._settled += to_html(self._blocks.feed(fresh))
        if len(self._blocks.tail) > _LONG_BLOCK and (part := self._blocks.split(painted)):
            self._settled += to_html(part, continues=True)
        html = self._settled + to_html(mend(self._blocks.tail))
        return {"text/plain": "".join(self._taken), "text/html": html}


class TextView(HtmlView):
    """Streams in the same way, as plain text."""

    is_raw = True

    def _data(self, fresh: str) -> dict[str, str]:
        self._settled += fresh
        return {"text/plain": self._settled}

    def _body(self) -> str:
        return as_it_is(self._settled + self._fresh.read())
