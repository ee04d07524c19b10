"""A question in the background: it streams on in its own place while other cells run.

It has a thread and a loop of its own, so that a cell that computes does not hold it up, and so that it is the same in a
notebook and in a terminal, where no loop runs between two prompts.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Generator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from .asking import UnderWay
from .controls import one_line
from .errors import STOPPED_AT_ONCE, AvaError, Stopped, StoppedTask
from .interrupts import interrupts
from .many.replies import Replies
from .runner import awaited, in_thread, until_over
from .shell import in_own_task_of_a_cell, may_display

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["Pending", "start"]

_STOPPED = "the reply was stopped; what had come is in .reply"


def start(asking: UnderWay[Any], on_awaited: Callable[[Any], None], shell: InteractiveShell) -> Pending:
    """Let ``asking`` run by itself from here on; ``on_awaited`` is told of its reply when somebody awaits it."""
    asking.open()
    # In a context of its own: a kernel tells by it which cell a message is sent for, and a client that runs one cell
    # after the other (nbclient) hears only what is sent for the one that runs now.  The display's id finds the place.
    context = contextvars.Context()
    if not context.run(may_display, shell):
        context = contextvars.copy_context()
    _, over = in_thread(lambda: _to_its_end(asking), context)
    asking.line_up(over)
    return Pending(asking, over, on_awaited)


async def _to_its_end(asking: UnderWay[Any]) -> None:
    failure = ""
    try:
        await awaited(asking.work, asking.paint, asking.run)
    except (Exception, SystemExit) as error:  # shown in its place, for it may be that nobody awaits it
        failure = error.in_one_line() if isinstance(error, AvaError) else f"{type(error).__name__}: {error}"
        raise
    finally:
        asking.close(failure)


class Pending:
    """A reply that streams on in the background, while other cells run.

    ``await pending`` waits for the :class:`~ava_magic.Reply`, or the :class:`~ava_magic.Replies` of many; it raises the
    :class:`~ava_magic.AvaError` that ended it, and :class:`~ava_magic.errors.Stopped` where it was stopped.  An
    interrupt of the cell that waits stops the reply.
    """

    def __init__(self, asking: UnderWay[Any], over: Future[None], on_awaited: Callable[[Any], None]) -> None:
        self._asking = asking
        self._over = over
        self._on_awaited = on_awaited

    @property
    def reply(self) -> Any:
        """What has come so far, in the end all of it; ``None`` before the first word."""
        return self._asking.what_came()

    def done(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self._over.done()

    def cancel(self) -> None:
        """Stop it and keep what has come; nothing happens where it has ended."""
        if not self.done():
            self._asking.run.stop()

    def __await__(self) -> Generator[Any, None, Any]:
        return self._wait().__await__()

    async def _wait(self) -> Any:
        run = self._asking.run
        is_the_cell = in_own_task_of_a_cell()
        with interrupts(run, passes_on=not is_the_cell):
            await until_over(self._over)
        self._over.result()
        if run.cut:
            message = STOPPED_AT_ONCE if self.reply is None else _STOPPED
            raise Stopped(message, self.reply) if is_the_cell else StoppedTask(message)
        reply = self._asking.result()
        if self._asking.leaves_result:
            self._on_awaited(reply)
        return reply

    def __repr__(self) -> str:
        question = one_line(self._asking.question, 40)
        if not self.done():
            state = "streams"
        elif self._asking.run.cut:
            state = "was stopped"
        else:
            state = "failed" if self._over.exception() else "is here"
        reply = self.reply
        amount = f"{len(reply):,} replies" if isinstance(reply, Replies) else f"{len(str(reply or '')):,} characters"
        return f"<Pending: the reply to {question!r} {state}, {amount}>"
