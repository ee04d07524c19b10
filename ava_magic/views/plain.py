"""Plain text, for a pipe, a log, and any screen that can show no more."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ..controls import one_line, visible
from ..reply import Reply
from . import View
from .fresh import Fresh

if TYPE_CHECKING:
    from ..turn import Turn

__all__ = ["Afterwards", "PlainView"]


class PlainView:
    """Writes the reply to ``sys.stdout`` as it comes."""

    def __init__(self, turn: Turn, frame_rate: float) -> None:
        self._frame = 1 / frame_rate
        self._fresh = Fresh(turn, raw=True)
        self._ends_line = True

    def open(self) -> None:
        """Nothing stands on the screen before the first words do."""

    def paint(self) -> float:
        if text := self._fresh.read():
            sys.stdout.write(text)
            sys.stdout.flush()
            self._ends_line = text.endswith("\n")
        return self._frame

    def close(self, reply: Reply | None, failure: str = "") -> None:
        self.paint()
        if not self._ends_line:
            sys.stdout.write("\n")
        if reply is not None:
            if reply.refusal:
                sys.stdout.write(f"{visible(reply.refusal)}\n")
            sys.stdout.write(f"[{visible(reply.footer())}]\n")
        if failure:
            sys.stdout.write(f"{visible(failure)}\n")
        sys.stdout.flush()


class Afterwards:
    """Shows nothing of a reply before its end, and then all of it: the screen is in use by something else meanwhile."""

    leaves_table = False  # as :class:`~ava_magic.views.progress.ProgressView` has it

    def __init__(self, view: View[Any], question: str) -> None:
        self._view = view
        self._question = question

    def open(self) -> None:
        """Its place is wherever the screen is at its end."""

    def paint(self) -> float:
        return 1.0

    def close(self, reply: Any, failure: str = "") -> None:
        sys.stdout.write(f"\n[in the background: {one_line(self._question, 60)}]\n")
        self._view.close(reply, failure)
