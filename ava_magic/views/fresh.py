"""What a view has not shown yet of a turn, as much of it as a frame has time for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..answers.presentation import AsMarkdown
from ..controls import visible

if TYPE_CHECKING:
    from ..turn import Turn

__all__ = ["Fresh"]

_LONGEST_FRAME = 0.05  # seconds
_AT_FIRST = 2000  # characters that a frame may take: coloured code, the slowest, then takes a tenth of a second
_LEAST = 500  # characters that a frame may take, however slow it was


class Fresh:
    """What has come of a turn since it was last looked at, as text to show; ``characters`` counts what was read.

    The text is Markdown that shows the reply as its format wants, or where it is ``raw`` the reply itself.  A frame
    takes no more of it than can be painted in the blink of an eye, by what the frames before it took: a Stop waits for
    a frame.  The rest waits for the next one, and ``taken`` is what the last look read of the reply itself.
    """

    def __init__(self, turn: Turn, *, raw: bool = False) -> None:
        self.characters = 0
        self.taken = ""
        self._turn = turn
        self._pieces = turn.pieces
        self._seen = 0  # whole pieces
        self._begun = 0  # characters of the next one
        self._most = _AT_FIRST
        self._half_line_end = ""
        self._form = AsMarkdown("markdown" if raw else turn.settings.format)

    @contextmanager
    def frame(self) -> Iterator[str]:
        """The new text for a frame, which is to be painted inside; ``""`` if there is none."""
        started = time.perf_counter()
        text = self.read(self._most)
        yield text
        if text:
            self._learn(len(text), time.perf_counter() - started)

    def takes_long(self, characters: int) -> bool:
        """Whether it would be noticed by somebody who waits if so many characters were rendered."""
        return characters > 2 * self._most

    @property
    def is_all_read(self) -> bool:
        """Whether nothing that has come is left."""
        return self._turn.pieces is self._pieces and self._seen == len(self._pieces)

    def read(self, most: int | None = None) -> str:
        """The new text, ``""`` if there is none; about ``most`` characters of it, the rest comes the next time."""
        self.taken = ""
        text = self._read(most)
        if self._turn.pieces is not self._pieces and self._seen == len(self._pieces):
            text += f"{self._form.finish()}\n\n*That did not fit, so it was asked again:*\n\n"
            self._pieces, self._seen = self._turn.pieces, 0
            text += self._read(most)
        self.characters += len(text)
        return text

    def _read(self, most: int | None) -> str:
        text = visible(self._take(most))
        self.taken += text
        return self._form.feed(text)

    def _take(self, most: int | None) -> str:
        pieces, room = [self._half_line_end], most
        while self._seen < len(self._pieces) and (room is None or room > 0):
            whole = self._pieces[self._seen]
            piece = whole[self._begun :] if room is None else whole[self._begun : self._begun + room]
            pieces.append(piece)
            self._begun += len(piece)
            if room is not None:
                room -= len(piece)
            if self._begun == len(whole):
                self._seen, self._begun = self._seen + 1, 0
        text = "".join(pieces)
        self._half_line_end = "\r" if text.endswith("\r") else ""  # the LF of a CRLF may be on its way
        return text[:-1] if self._half_line_end else text

    def _learn(self, characters: int, seconds: float) -> None:
        """Let the next frame take as many characters as fit into its time; at most twice as many, at least half."""
        wanted = self._most * min(2.0, max(0.5, _LONGEST_FRAME / max(seconds, 1e-6)))
        if seconds > _LONGEST_FRAME or 2 * characters >= self._most:  # a short frame tells nothing about a long one
            self._most = max(_LEAST, int(wanted))
