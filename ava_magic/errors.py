"""What can go wrong, and whose turn it is to act::

    Exception
    └── AvaError            .kind says what happened, .reply holds what had arrived
        └── NotRecorded     the request is not in the cassette; .difference tells what is
    KeyboardInterrupt
    └── Stopped             the user stopped a reply; .reply holds what had arrived
    asyncio.CancelledError
    └── StoppedTask         the same in a task that is not the cell's own

=============== ========================================================= =======================================
kind            meaning                                                   what to do
=============== ========================================================= =======================================
``config``      the call is wrong, or no endpoint fits; nothing was sent  read the line: it says how to mend it
``auth``        the endpoint refused the key (HTTP 401, 403)              set a valid key
``rate_limit``  the endpoint wants fewer requests (429)                   wait, or check the account
``bad_request`` the endpoint refused this request (the other 4xx)         mend the model's name or a field
``server``      the endpoint failed (408, 5xx)                            ask again in a while
``api``         an error told in the stream, or a provider that failed    read what it says
``protocol``    the answer is no chat stream, or not the data asked for   check the base URL, or ask more exactly
``truncated``   the answer stopped before its end                         ask again
``timeout``     nothing came for too long                                 ask again, or raise timeout
``connection``  the endpoint was not reached                              start the server, check the URL
``too_large``   the answer passed 16 MiB, or one event of it 8 MiB        ask for less
=============== ========================================================= =======================================
"""

from __future__ import annotations

from asyncio import CancelledError
from typing import TYPE_CHECKING, Literal, NoReturn

from .controls import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .reply import Reply

__all__ = ["AvaError", "Kind", "NotRecorded", "Stopped", "StoppedTask", "raise_alone"]

STOPPED_AT_ONCE = "the reply was stopped before its first word"

Kind = Literal[
    "auth",
    "rate_limit",
    "bad_request",
    "server",
    "api",
    "protocol",
    "truncated",
    "timeout",
    "connection",
    "too_large",
    "config",
]


class AvaError(Exception):
    """A question that got no whole answer.

    ``str(error)`` is its ``message``, one line that says what to do; ``kind`` is one of :data:`Kind`; ``reply`` is the
    :class:`~ava_magic.Reply` that had arrived until then, or ``None``.  ``wait`` is how many seconds the endpoint wants
    to be left alone, where that is more than a question waits by itself; else 0.
    """

    def __init__(self, message: str, kind: Kind, reply: Reply | None = None) -> None:
        super().__init__(message, kind, reply)
        self.kind: Kind = kind
        self.reply = reply
        self.wait = 0.0
        self._advice = ""

    def advise(self, advice: str) -> None:
        """Let the line end with ``advice``, in place of what was advised before."""
        happened = str(self.args[0]).removesuffix(self._advice)
        self._advice = f"; {advice}"
        self.args = (happened + self._advice, *self.args[1:])

    def __str__(self) -> str:
        return one_line(str(self.args[0]), limit=600)

    def __repr__(self) -> str:
        return f"AvaError({str(self)!r}, kind={self.kind!r})"

    def in_one_line(self) -> str:
        """What stands in a notebook in place of a traceback."""
        return f"AvaError ({self.kind}): {self}"

    def _render_traceback_(self) -> list[str]:  # for IPython
        return [self.in_one_line()]


class NotRecorded(AvaError):
    """A request that the cassette has no reply to.

    Its ``message`` names the cassette, and its kind is ``config``.  ``difference`` holds lines for a person: the
    nearest request that is recorded (``-``), and this one (``+``).
    """

    def __init__(self, message: str, difference: Sequence[str] = ()) -> None:
        super().__init__(message, "config")
        self.args = (message, tuple(difference))  # what unpickling calls the class with
        self.difference = tuple(difference)

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *self.difference])


def raise_alone(error: BaseException) -> NoReturn:
    """Raise ``error`` with nothing of what is being handled meanwhile hung on it.

    In a patched asyncio (nest_asyncio) a task whose wait has failed goes on inside an ``except`` clause, and Python
    would keep that failure, with the frames that hold the answer, as the context of whatever is raised then.
    """
    try:
        raise error
    finally:
        error.__context__ = None


class Stopped(KeyboardInterrupt):
    """A reply that the user stopped: it ends the cell as any interrupt does.

    ``message`` says what became of what had arrived, and ``reply`` is that, or ``None``.
    """

    def __init__(self, message: str, reply: Reply | None = None) -> None:
        super().__init__(message)
        self.reply = reply

    def _render_traceback_(self) -> list[str]:
        return [f"Stopped: {self}"]


class StoppedTask(CancelledError):
    """A stopped reply in a task of the user's: asyncio would let a ``KeyboardInterrupt`` through into its loop."""

    def _render_traceback_(self) -> list[str]:
        return [f"Stopped: {self}"]


# Front ends, nbclient and papermill tell an interrupted cell from a failed one by this name.
Stopped.__name__ = StoppedTask.__name__ = "KeyboardInterrupt"
