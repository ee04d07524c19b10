"""``%ava`` and ``%%ava``: options to prompt to chat to view."""

from __future__ import annotations

import asyncio
import math
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, needs_local_scope, no_var_expand
from traitlets import Bool, Enum, Float, Int, TraitError, Unicode, observe, validate

from . import runner
from .between_cells import catch_up
from .busy import BusyCell
from .conversation.exchanges import Anchor
from .errors import STOPPED_AT_ONCE, Stopped, StoppedTask
from .interrupts import interrupts
from .options import help_text
from .shell import cell_of, forget_display_error, in_own_task_of_a_cell, is_displaying_result, is_foreign_loop, own_loop

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult, InteractiveShell

    from .asking import UnderWay
    from .background import Pending
    from .desk import Desk

__all__ = ["AvaMagics"]

_HELP = f"""Ask a model; the answer streams in below.

    %ava [options] question                 answer = %ava [options] question
    %%ava [options] [instruction]           (the question is the instruction and the lines below it)

Options come first; the first word that is not one begins the question, and -- ends them. {{name}} in a question is
replaced by the value of that variable.

{help_text()}

%ava alone shows what answers and how to change it; %config AvaMagics lists the settings.
"""


@magics_class
class AvaMagics(Magics):
    """Ask a model from a cell; ``%ava?`` tells how."""

    provider = Unicode("auto", help="Who answers: auto, a preset, codelink-ava, guide or package.module:Class").tag(
        config=True
    )
    model = Unicode("", help="The model to ask; empty: the endpoint chooses").tag(config=True)
    base_url = Unicode("", help="An OpenAI-compatible endpoint").tag(config=True)
    system = Unicode("", help="The system message").tag(config=True)
    temperature = Float(None, allow_none=True, help="The temperature; None: the endpoint's own").tag(config=True)
    max_tokens = Int(None, allow_none=True, min=1, help="The longest reply, in tokens; None: no limit").tag(config=True)
    timeout = Float(300.0, min=0.1, help="Seconds of silence after which a reply counts as dead").tag(config=True)
    retries = Int(2, min=0, help="How often a request is repeated before its first byte has come").tag(config=True)
    proxies = Bool(False, help="Whether the proxies that the environment names are used").tag(config=True)
    context_tokens = Int(16_000, min=0, help="How much of the conversation is sent along, in tokens").tag(config=True)
    frame_rate = Float(20.0, min=0.1, max=60.0, help="How often a reply is painted, per second").tag(config=True)
    display = Enum(["auto", "widget", "html", "text"], "auto", help="How a reply is shown").tag(config=True)
    rerun = Enum(["replace", "append"], "replace", help="What a cell run again does to its turn").tag(config=True)
    record = Unicode("", help="A cassette: requests and replies are written into this file").tag(config=True)

    def __init__(self, shell: InteractiveShell, **kwargs: Any) -> None:
        super().__init__(shell, **kwargs)
        self._shell = shell
        self._last_anchor = Anchor(None, uuid.uuid4().hex)
        self._anchor: ContextVar[Anchor] = ContextVar("anchor")  # a task keeps the cell that made it
        self._keeps_history = False
        self._just_shown: Any = None
        self._busy = BusyCell()

    @cached_property
    def desk(self) -> Desk:
        """What the magics do their work with, loaded by the first of it: loading the extension stays cheap."""
        from .desk import Desk

        desk: Desk = vars(self).setdefault("desk", Desk(self, self._shell))  # the first, where two threads make one
        return desk

    @property
    def _loaded_desk(self) -> Desk | None:
        """The desk if there is one by now: whoever asks this loads none."""
        return self.__dict__.get("desk")

    @validate("timeout", "frame_rate")
    def _check_number(self, proposal: Mapping[str, Any]) -> float:
        """No NaN: it is within any bounds."""
        if math.isnan(proposal["value"]):
            raise TraitError(f"{proposal['trait'].name} must be a number, not nan")
        return float(proposal["value"])

    @observe("record")
    def _change_cassette(self, change: Mapping[str, Any]) -> None:
        """Another cassette, or none: ``%ava --replay`` was about the former one."""
        if desk := self._loaded_desk:
            desk.chats.use_cassette(record=self.record, replay=None)

    def completions(self, before: str) -> tuple[str, list[str]] | None:
        """What Tab offers after the text of a cell up to the cursor, and the word it completes; ``None`` elsewhere."""
        return self.desk.words.after(before) if "%ava" in before else None

    @no_var_expand
    @needs_local_scope
    @line_cell_magic
    def ava(self, line: str, cell: str | None = None, local_ns: Mapping[str, Any] | None = None) -> Any:
        """Ask, and wait for the end of the reply."""
        run = runner.Run()
        with interrupts(run):
            asking = self.desk.read(line, cell, local_ns or {}, run, self._anchor.get(self._last_anchor))
            if asking is None:
                return None
            if asking.background:
                return self._in_background(asking)
            with self._under_way(asking):
                runner.run(
                    asking.work,
                    asking.paint,
                    run,
                    own_loop=own_loop,
                    may_nest=lambda loop: is_foreign_loop(self._shell, loop),
                )
        if run.stopped:
            raise Stopped(*self._stopped(asking))
        return self._conclude(asking)

    async def awaited(self, line: str, cell: str | None = None, local_ns: Mapping[str, Any] | None = None) -> Any:
        """The same magic where an ``await`` can stand; the input transform writes this call."""
        run = runner.Run()
        is_the_cell = in_own_task_of_a_cell()
        with interrupts(run, passes_on=not is_the_cell):
            try:
                asking = self.desk.read(line, cell, local_ns or {}, run, self._anchor.get(self._last_anchor))
            except Stopped as stop:
                if is_the_cell:
                    raise
                raise StoppedTask(str(stop)) from None
            if asking is None:
                return None
            if asking.background:
                return self._in_background(asking)
            try:
                await _one_moment()
            except asyncio.CancelledError:
                if not is_the_cell:
                    raise
                raise Stopped(STOPPED_AT_ONCE) from None
            with self._under_way(asking):
                await runner.awaited(asking.work, asking.paint, run)
        if run.stopped:
            message, reply = self._stopped(asking)
            raise Stopped(message, reply) if is_the_cell else StoppedTask(message)
        return self._conclude(asking)

    def begin_cell(self, info: ExecutionInfo) -> None:
        """IPython's ``pre_run_cell``: note which cell runs, and that this is another run of it."""
        if desk := self._loaded_desk:
            desk.last_error.note()
        forget_display_error(self._shell)
        if "%ava" in (info.raw_cell or ""):
            self._busy.begin(info)
        self._keeps_history = info.store_history
        if info.store_history:  # not one that running code runs by run_cell
            number = self._shell.displayhook.prompt_count  # execution_count is one ahead, in newer versions alone
            self._last_anchor = Anchor(cell_of(info), uuid.uuid4().hex, number)
            self._anchor.set(self._last_anchor)
            self._just_shown = None
            catch_up()

    def end_cell(self, result: ExecutionResult | None) -> None:
        """IPython's ``post_run_cell``: a rerun that failed, perhaps before its question was sent, is no turn.

        Without a ``result`` the cell was interrupted in an ``await`` of its own.
        """
        self._busy.end(result and result.info)
        failed = result is None or not result.success
        keeps_history = self._keeps_history if result is None or result.info is None else result.info.store_history
        if failed and keeps_history and self.rerun == "replace" and (desk := self._loaded_desk):
            desk.chats.end_in_vain(self._last_anchor)

    def show_once(self, value: Any) -> None:
        """What a kernel calls to show a reply: the one that has just streamed stands on the screen already."""
        if not self._stands_above(value):
            raise NotImplementedError  # go on to its own representations

    def tell_once(self, value: Any) -> Any:
        """What a terminal calls instead, which has written ``Out[n]:`` by then, so that something must follow."""
        if self._stands_above(value):
            return {"text/plain": f"{value!r}, shown above"}
        return value._repr_mimebundle_()

    def _stands_above(self, value: Any) -> bool:
        return value is self._just_shown and is_displaying_result(self._shell)

    def _in_background(self, asking: UnderWay[Any]) -> Pending:
        from .background import start

        pending = start(asking, self._receive, self._shell)
        if asking.out:
            self._shell.user_ns[asking.out] = pending
        if hasattr(self._shell, "kernel"):
            self._just_shown = pending  # by the place that its reply comes to
        return pending

    def _receive(self, reply: Any) -> None:
        self._just_shown = reply
        self.desk.next_cell.take(reply)

    @contextmanager
    def _under_way(self, asking: UnderWay[Any]) -> Iterator[None]:
        try:
            with asking.on_screen():
                yield
        except (Exception, SystemExit):  # whatever it was, what had come is the result, and the error goes on
            if asking.keeps_when_failed and asking.what_came() is not None:
                self._shell.displayhook.update_user_ns(self._conclude(asking))
            raise

    def _conclude(self, asking: UnderWay[Any]) -> Any:
        result = asking.result()
        if asking.out:
            self._shell.user_ns[asking.out] = result
        if asking.leaves_result:
            self._receive(result)
        return result

    def _stopped(self, asking: UnderWay[Any]) -> tuple[str, Any]:
        """The end of a stopped question: what had come is ``_`` and ``Out[n]``, as a whole reply would be."""
        reply = asking.what_came()
        if reply is None:
            return STOPPED_AT_ONCE, None
        self._shell.displayhook.update_user_ns(self._conclude(asking))
        return asking.when_stopped, reply


AvaMagics.ava.__doc__ = _HELP


async def _one_moment() -> None:
    """A few turns of the loop: an interrupt that met the kernel's own handler, just before ours, cancels now."""
    for _ in range(4):
        await asyncio.sleep(0)
