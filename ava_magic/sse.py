"""Server-sent events: bytes in, events out.

The decoder follows section 9.2.6 of the WHATWG HTML standard (*Interpreting an event stream*) to the letter, because
the usual short cuts lose data: text cut inside a character, a line end cut in two, U+2028 inside JSON, a byte order
mark, a block that holds an ``id`` and no data.  It is pure: it reads no socket and knows no clock.

Its cost is linear in the bytes fed, however they are cut: an unfinished line is kept as a list of parts and joined
once, when its end arrives.  Its room is bounded: a line or an event that does not end is an error at last.
"""

from __future__ import annotations

import codecs
from typing import NamedTuple

from .errors import AvaError

__all__ = ["LONGEST", "EventDecoder", "ServerSentEvent"]

LONGEST = 8 * 1024 * 1024
"""Characters of an event that is not yet whole, above which it is given up."""

_MOST_STRAY = 64 * 1024


class ServerSentEvent(NamedTuple):
    """One dispatched event.

    ``event`` is its type (``"message"`` when the stream names none), ``data`` the joined data lines, ``id`` the last
    event id seen so far on the stream, and ``retry`` the reconnection time in milliseconds that this event's block
    set, or ``None``.
    """

    event: str
    data: str
    id: str
    retry: int | None


class EventDecoder:
    """An incremental parser: :meth:`feed` it bytes in any cut, then :meth:`finish`.

    ``retry`` is the reconnection time in milliseconds last set by the stream, ``None`` if it set none; a block that
    carries only ``retry`` dispatches no event, so it is readable here alone.  ``stray`` are the lines that are no field
    of an event, up to some 64 thousand characters: the standard has them ignored, and some servers tell errors in them.
    """

    def __init__(self) -> None:
        self.retry: int | None = None
        self.stray: list[str] = []
        self._stray_room = _MOST_STRAY
        self._held = 0
        self._utf8 = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._after_cr = False
        self._unfinished_line: list[str] = []
        self._in_block = False
        self._data: list[str] = []
        self._in_data = 0
        self._event = ""
        self._id = ""
        self._block_retry: int | None = None

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Take the next bytes of the stream; return the events that they complete.

        Raises :class:`AvaError` (``too_large``) where an event has grown past ``LONGEST`` before these bytes.
        """
        if self._held > LONGEST:
            raise AvaError(f"a single event of the answer passed {LONGEST:,} characters; ask for less", "too_large")
        text = self._newlines_only(self._utf8.decode(chunk))
        complete, newline, rest = text.rpartition("\n")
        if not newline:
            if rest:
                self._unfinished_line.append(rest)
                self._held += len(rest)
            return []
        if self._unfinished_line:
            complete = "".join(self._unfinished_line) + complete
            self._unfinished_line.clear()
        events = self._read_lines(complete.split("\n"))
        if rest:
            self._unfinished_line.append(rest)
        self._held = len(rest) + self._in_data
        return events

    def finish(self) -> list[ServerSentEvent]:
        """End the stream.  A block that no blank line closed is dropped, as the standard says: always ``[]``."""
        self._unfinished_line.clear()
        self._data.clear()
        self._held = self._in_data = 0
        return []

    def _newlines_only(self, text: str) -> str:
        """Turn CRLF and CR into LF, also where a chunk ends between the two.

        A CR ends its line at once, so that an event is not held back until the next chunk shows whether LF follows.
        """
        if self._after_cr and text:
            self._after_cr = False
            text = text.removeprefix("\n")
        if "\r" in text:
            self._after_cr = text.endswith("\r")
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        return text

    def _read_lines(self, lines: list[str]) -> list[ServerSentEvent]:
        events: list[ServerSentEvent] = []
        new = tuple.__new__  # half the time of the named tuple's own __new__
        rest = iter(lines)
        for first in rest:
            line = first
            # Nearly every block of a chat stream is one data line and the blank line that ends it.
            while line[:6] == "data: " and not self._in_block:
                following = next(rest, None)
                if following == "":
                    events.append(new(ServerSentEvent, ("message", line[6:], self._id, None)))
                    break
                self._read_field(line)
                if following is None:
                    return events
                line = following
            else:
                if line:
                    self._read_field(line)
                else:
                    self._dispatch(events)
        return events

    def _dispatch(self, events: list[ServerSentEvent]) -> None:
        if self._data:
            data = "\n".join(self._data)
            events.append(ServerSentEvent(self._event or "message", data, self._id, self._block_retry))
        self._data.clear()
        self._in_data = 0
        self._event = ""
        self._block_retry = None
        self._in_block = False

    def _read_field(self, line: str) -> None:
        self._in_block = True
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
            self._in_data += len(value) + 1
        elif name == "event":
            self._event = value
        elif name == "id":
            if "\0" not in value:
                self._id = value
        elif name == "retry" and value.isascii() and value.isdigit() and len(value) < 16:
            self.retry = self._block_retry = int(value)
        elif name not in ("", "retry") and self._stray_room > 0:  # a comment has no name
            self.stray.append(line[: self._stray_room])
            self._stray_room -= len(line) + 1
