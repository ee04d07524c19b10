"""Runs a coroutine to its end from wherever it is called, with frames painted beside it, and stops it at once.

There are four ways, and which one is right is seen at the moment of the call:

===================================  =================================================================================
where the call stands                how the coroutine runs
===================================  =================================================================================
in code that awaits                  in the caller's task: :func:`awaited`
no loop runs in this thread          on the loop that is given: IPython's own, in a terminal; on a new one in a thread
                                     of the user's
in a kernel                          on a loop in a thread of its own, while this thread waits and paints.  Nesting
                                     would lose cells that wait in the queue (ipykernel 7.1 to 7.4 under nest_asyncio)
in a program that runs a loop        nested into that loop by nest_asyncio, applied then, so that the program's own
                                     tasks go on
===================================  =================================================================================

A run is stopped by cancelling its task, from whatever thread or signal handler that is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from typing import Any

__all__ = ["Run", "awaited", "in_thread", "run", "until_over", "wait_for_threads"]

_log = logging.getLogger(__name__)
_in_threads: set[Future[None]] = set()

Paint = Callable[[], float]
"""Paints what is new; returns the seconds until it wants to be called again."""

Work = Callable[[], Coroutine[Any, Any, None]]


class Run:
    """One run of a coroutine; :meth:`stop` may be called from any thread, at any time, more than once.

    ``stopped`` tells whether it was, ``cut`` whether that has ended the coroutine: it may have come after its end.
    """

    def __init__(self) -> None:
        self.stopped = False
        self.cut = False
        self._target: tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]] | None = None

    def stop(self) -> None:
        """End the run as soon as its loop turns.  No lock is taken: this is called from a signal handler too."""
        self.stopped = True
        if target := self._target:
            with contextlib.suppress(RuntimeError):  # the loop was closed in this very moment: the run is over
                target[0].call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self._target is not None:
            self._target[1].cancel()

    async def follow(self, work: Work) -> None:
        """Run ``work`` in this task; return when it ended or was stopped, raise what it raised."""
        task = asyncio.current_task()
        assert task is not None
        self._target = asyncio.get_running_loop(), task
        try:
            if self.stopped:  # before there was a target
                self.cut = True
            else:
                await work()
        except asyncio.CancelledError:
            if not self.stopped:
                raise  # somebody else's cancellation is theirs to answer
            self.cut = True
            task.uncancel()
        except KeyboardInterrupt:  # a provider's own: the signal is not Python's while a run is under way
            self.stopped = self.cut = True
        finally:
            self._target = None


async def awaited(work: Work, paint: Paint, run: Run) -> None:
    """Run ``work()`` in the caller's own task and loop, painting by a clock until it ends."""
    clock = asyncio.create_task(_paint_by_clock(paint))
    try:
        await run.follow(work)
        await asyncio.sleep(0)  # what was closed is closed now, before the last painting, which may take a while
    except asyncio.CancelledError:
        if not run.stopped:  # one interrupt may cancel twice: by us, and through the cell that waits for this task
            raise
    finally:
        clock.cancel()


async def _paint_by_clock(paint: Paint) -> None:
    while True:
        await asyncio.sleep(_frame(paint))


def _frame(paint: Paint) -> float:
    """One frame.  A screen that fails must cost nobody the reply: it is tried again a second later."""
    try:
        return paint()
    except Exception:  # a front end that has gone, a renderer that fails: the reply goes on without it
        _log.exception("a frame could not be painted")
        return 1.0


def run(
    work: Work,
    paint: Paint,
    run: Run,
    *,
    own_loop: Callable[[], asyncio.AbstractEventLoop],
    may_nest: Callable[[asyncio.AbstractEventLoop], bool],
) -> None:
    """Run ``work()`` to its end and return then, whatever the calling thread is in the middle of.

    ``own_loop`` gives the loop to use in the main thread where none runs; ``may_nest`` says whether a running loop is
    one that other people's tasks depend on, and may be nested into.
    """
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        if threading.current_thread() is threading.main_thread():
            own_loop().run_until_complete(awaited(work, paint, run))
        else:
            _run_on_new_loop(lambda: awaited(work, paint, run))
        return
    # uvloop is no BaseEventLoop: it cannot be nested, and apply() would patch asyncio before it says so.
    if may_nest(running) and isinstance(running, asyncio.BaseEventLoop):
        _run_nested(awaited(work, paint, run), running)
    else:
        _run_in_thread(work, paint, run)


def _run_nested(coroutine: Coroutine[Any, Any, None], loop: asyncio.BaseEventLoop) -> None:
    """Run a coroutine inside a loop that is running, with the loop's other tasks beside it."""
    if not hasattr(loop, "_nest_patched"):  # else the program did so itself; the two must not both be applied
        try:
            import nest_asyncio2 as nest  # the maintained fork, which newer kernels install
        except ImportError:
            import nest_asyncio as nest
        nest.apply(loop)
    ready: Any = loop._ready  # type: ignore[attr-defined]  # as nest_asyncio itself does
    waiting = len(ready)
    try:
        loop.run_until_complete(coroutine)
    finally:
        # The turn of the loop that called us counted its handles before it was patched, and takes as many still; those
        # that ran inside are gone, and it would fall over an empty queue.
        for _ in range(waiting - len(ready)):
            loop.call_soon(_nothing)


def _nothing() -> None:
    pass


def in_thread(work: Work, context: contextvars.Context) -> tuple[threading.Thread, Future[None]]:
    """Run ``work()`` on a loop in a thread of its own; the future is done when that loop is closed."""
    over: Future[None] = Future()
    _in_threads.add(over)
    over.add_done_callback(_in_threads.discard)

    def target() -> None:
        try:
            _run_on_new_loop(work)
        except BaseException as error:  # whatever it is, it belongs to whoever waits
            over.set_exception(error)
        else:
            over.set_result(None)

    thread = threading.Thread(target=context.run, args=(target,), name="ava", daemon=True)
    thread.start()
    return thread, over


def wait_for_threads(seconds: float) -> None:
    """Wait until the runs in threads are over, for ``seconds`` at most."""
    wait(_in_threads, seconds)


async def until_over(*ends: Future[Any]) -> None:
    """Wait until all of ``ends`` are over, in whatever way; whoever stops waiting leaves them alone."""
    waiting = [asyncio.wrap_future(end) for end in ends]
    for future in waiting:  # whoever wants the error has it from the end itself; asyncio complains of one not looked at
        future.add_done_callback(lambda over: over.cancelled() or over.exception())
    await asyncio.wait(waiting)


def _run_on_new_loop(work: Work) -> None:
    loop = asyncio.new_event_loop()  # not asyncio.run: a program may have patched that
    try:
        loop.run_until_complete(work())
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _run_in_thread(work: Work, paint: Paint, run: Run) -> None:
    thread, over = in_thread(lambda: run.follow(work), contextvars.copy_context())
    while thread.is_alive():
        thread.join(_frame(paint))
    over.result()
