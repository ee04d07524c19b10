"""``%ava`` and ``%%ava``: options to prompt to chat to view."""

from __future__ import annotations

import asyncio
import functools
import os
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, needs_local_scope, no_var_expand
from IPython.display import display as show
from traitlets import Bool, Enum, Float, Int, Unicode, observe

from . import runner
from .answers.next_cell import NextCell
from .arguments import Arguments, compared_settings, help_text, parse
from .asking import Asking, UnderWay
from .background import Pending, start
from .commands import COMMANDS, Call, last_question, state
from .connection import Key, Origin
from .controls import visible
from .conversation.chats import MAIN, Chats
from .conversation.exchanges import Anchor, Unanswered
from .error_report.last import LastError
from .error_report.report import QUESTION
from .errors import AvaError, Stopped, StoppedTask
from .prompt.preview import preview
from .prompt.question import Question, compose, forbid_secrets
from .reply import Reply
from .reports import REPORTS
from .shell import in_own_task_of_a_cell, is_displaying_result, is_foreign_loop, own_loop
from .values.content import text_of
from .values.displays import ShellDisplay, visible_names
from .views import choose

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionInfo, InteractiveShell

    from .chat import Chat
    from .many.for_each import ForEach
    from .many.side_by_side import SideBySide
    from .providers.presets import Endpoint
    from .turn import Turn

__all__ = ["AvaMagics"]

_HELP = f"""Ask a model; the answer streams in below.

    %ava [options] question                 answer = %ava [options] question
    %%ava [options] [instruction]           (the question is the instruction and the lines below it)

Options come first; the first word that is none begins the question, and -- ends them. {{name}} in a question is
replaced by the value of that variable.

{help_text()}

%ava alone shows what answers and how to change it; %config AvaMagics lists the settings.
"""


_BELONGS = {
    "each": "one model",
    "concurrency": "--each NAME",
    "into": "--each NAME",
    "dask": "--each NAME",
    "keep": "-m or -p given more than once",
}


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
        self.chats = Chats(shell.starting_dir)  # first: a configured cassette is for it
        super().__init__(shell, **kwargs)
        self._shell = shell
        self._last_anchor = Anchor(None, uuid.uuid4().hex)
        self._anchor: ContextVar[Anchor] = ContextVar("anchor")  # a task keeps the cell that made it
        self._just_shown: Any = None
        self._compared: SideBySide | None = None
        self._next_cell = NextCell(shell)
        self._last_error = LastError(shell)
        self._typed_keys: dict[Origin, Key] = {}

    @observe("record")
    def _change_cassette(self, change: Mapping[str, Any]) -> None:
        """Another cassette, or none: ``%ava --replay`` was about the former one."""
        self.chats.use_cassette(record=self.record, replay=None)

    @no_var_expand
    @needs_local_scope
    @line_cell_magic
    def ava(self, line: str, cell: str | None = None, local_ns: Mapping[str, Any] | None = None) -> Any:
        """Ask, and wait for the end of the reply."""
        run = runner.Run()
        with runner.interrupts(run):
            asking = self._read(line, cell, local_ns, run)
            if asking is None:
                return None
            if asking.background:
                return self._in_background(asking)
            with self._under_way(asking):
                runner.run(
                    asking.work,
                    asking.view.paint,
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
        with runner.interrupts(run, passes_on=not is_the_cell):
            try:
                asking = self._read(line, cell, local_ns, run)
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
                raise Stopped("the reply was stopped before its first word") from None
            with self._under_way(asking):
                await runner.awaited(asking.work, asking.view.paint, run)
        if run.stopped:
            message, reply = self._stopped(asking)
            raise Stopped(message, reply) if is_the_cell else StoppedTask(message)
        return self._conclude(asking)

    def begin_cell(self, info: ExecutionInfo) -> None:
        """IPython's ``pre_run_cell``: note which cell runs, and that this is another run of it."""
        self._last_error.note()
        if info.store_history:  # not one that running code runs by run_cell
            number = self._shell.displayhook.prompt_count  # execution_count is one ahead, in newer versions alone
            self._last_anchor = Anchor(getattr(info, "cell_id", None), uuid.uuid4().hex, number)
            self._anchor.set(self._last_anchor)
            self._just_shown = None
            if area := sys.modules.get("ava_magic.views.area"):
                area.close_what_is_left()
            if updates := sys.modules.get("ava_magic.views.updates"):
                updates.repeat_what_ended()

    def display_once(self, reply: Any) -> None:
        """What IPython calls to show a reply: the one that has just streamed stands on the screen already."""
        if reply is not self._just_shown or not is_displaying_result(self._shell):
            raise NotImplementedError  # go on to the reply's own representations
        if not hasattr(self._shell, "kernel"):
            print(f"{reply!r}, shown above")  # after the prompt "Out[n]:", which is on the screen by now

    def _read(
        self, line: str, cell: str | None, local_ns: Mapping[str, Any] | None, run: runner.Run
    ) -> UnderWay[Any] | None:
        """The question that the user typed; ``None`` where it was a command, which is then done."""
        arguments = parse(line)
        if arguments.command:
            if cell is not None and cell.strip():
                raise AvaError(f"--{arguments.command} stands alone, with no question under it", "config")
            if arguments.command in REPORTS:
                return self._report(arguments, run)
            if arguments.command == "code":
                print(self._next_cell.put(arguments.options["code"]))
                return None
            anchor = self._anchor.get(self._last_anchor)
            call = Call(self.chats, arguments, self._settings(arguments), anchor, self._shell.user_ns, self._typed_keys)
            if arguments.command == "retry":
                asked = last_question(call)
                return self._begin(Question([text_of(asked.prompt)]), asked, arguments, {}, run)
            shown = COMMANDS[arguments.command](call)
            print(visible(shown)) if isinstance(shown, str) else show(shown)
            return None
        prompt = "\n".join(part for part in (arguments.prompt, (cell or "").strip("\n")) if part.strip())
        prompt = prompt or (QUESTION if "error" in arguments else "")
        if prompt:
            return self._ask(prompt, arguments, local_ns or {}, run)
        if cell is None and set(arguments.options) <= {"keep"}:
            chats = self.chats
            keep = arguments.options.get("keep", "")
            print(self._keep(keep) if keep else state(chats, chats.named().begin("", **self._settings(arguments))))
            return None
        raise AvaError("nothing is asked: the question goes after the options, or in the lines under %%ava", "config")

    def _keep(self, name: str) -> str:
        if self._compared is None:
            raise AvaError("--keep is about replies side by side, and there are none", "config")
        return self._compared.keep(name)

    def _ask(
        self, prompt: str, arguments: Arguments, local_ns: Mapping[str, Any], run: runner.Run
    ) -> UnderWay[Any] | None:
        if "each" in arguments and not arguments.compared:
            return self._ask_each(prompt, arguments, local_ns, run)
        for key, belongs in _BELONGS.items():
            if key in arguments and not (key == "keep" and arguments.compared):
                raise AvaError(f"--{key} goes with {belongs}", "config")
        question = self._compose(prompt, arguments, local_ns)
        asked = Unanswered(question, self._anchor.get(self._last_anchor))
        return self._begin(question, asked, arguments, local_ns, run)

    def _begin(
        self,
        question: Question,
        asked: Unanswered,
        arguments: Arguments,
        local_ns: Mapping[str, Any],
        run: runner.Run,
    ) -> UnderWay[Any] | None:
        settings = self._settings(arguments) | self._format(arguments, local_ns)
        history = "no_history" not in arguments
        if not history and "chat" in arguments:
            raise AvaError("-n and -c do not go together: -n asks outside of every conversation", "config")
        chat = self.chats.named(arguments.options.get("chat", MAIN))
        compared = compared_settings(arguments)
        turns = [
            chat.begin(asked.prompt, asked.anchor, history=history, instead=asked.instead, **{**settings, **own})
            for own in compared.values() or ({},)
        ]
        turn = turns[0]
        if "send_secrets" not in arguments:
            others = {"the system message": turn.settings.system, "an option": str(turn.settings.options)}
            forbid_secrets(question, others, os.environ)
        if lines := question.about(any(turn.endpoint.takes_images for turn in turns)):
            print(lines)
        if "preview" in arguments:
            for turn in turns:
                show(preview(turn), raw=True)
            return None
        if compared:
            return self._compare(chat, dict(zip(compared, turns, strict=True)), arguments, run)
        return self._asking(chat, turn, arguments, run, history=history)

    def _compare(self, chat: Chat, turns: Mapping[str, Turn], arguments: Arguments, run: runner.Run) -> SideBySide:
        from .many.side_by_side import SideBySide
        from .views.columns import choose_columns

        view = functools.partial(
            choose_columns,
            shell=self._shell,
            display=self.display,
            frame_rate=self.frame_rate,
            background="background" in arguments,
        )
        self._compared = SideBySide(chat, turns, run, arguments, view)
        return self._compared

    def _ask_each(
        self, prompt: str, arguments: Arguments, local_ns: Mapping[str, Any], run: runner.Run
    ) -> ForEach | None:
        from .many.for_each import ForEach  # these load all that a question needs
        from .many.template import Template
        from .views.progress import choose_progress

        chat = self.chats.named()
        settings = self._settings(arguments) | self._format(arguments, local_ns)
        names = {**visible_names(self._shell), **local_ns}
        template = Template(prompt, names, ShellDisplay(self._shell), arguments.options.get("attach", ()))
        first = chat.begin(template.for_all(), history=False, **settings)
        if "send_secrets" not in arguments:
            others = {"the system message": first.settings.system, "an option": str(first.settings.options)}
            template.check = lambda question: forbid_secrets(question, others, os.environ)
        if "preview" in arguments:
            template.for_all()  # which is checked
            show(preview(first), raw=True)
            return None
        view = functools.partial(
            choose_progress,
            stop=run.stop,
            shell=self._shell,
            display=self.display,
            question=prompt,
            background="background" in arguments,
        )
        return ForEach.begin(chat, template, arguments, settings, names, run, view)

    def _report(self, arguments: Arguments, run: runner.Run) -> Asking:
        """A report on the endpoint, on its way as a question is, and kept out of the conversation."""
        settings = self._settings(arguments) | {"retries": 0, "replay": False}  # it is about the endpoint as it is now
        chat = self.chats.named()
        turn = chat.begin(f"--{arguments.command}", history=False, **settings)
        turn.report(REPORTS[arguments.command](turn, arguments))
        return self._asking(chat, turn, arguments, run, history=False)

    def _asking(self, chat: Chat, turn: Turn, arguments: Arguments, run: runner.Run, *, history: bool) -> Asking:
        background = "background" in arguments
        display = "text" if turn.settings.format == "text" else self.display
        view = choose(turn, run.stop, self._shell, display, self.frame_rate, background=background)
        out = arguments.options.get("out", "")
        return Asking(chat, turn, view, run, history=history, background=background, out=out)

    def _compose(self, prompt: str, arguments: Arguments, local_ns: Mapping[str, Any]) -> Question:
        namespace = None if "raw" in arguments else {**visible_names(self._shell), **local_ns}
        try:
            with runner.raising_interrupts():  # a value's own code runs here
                attached = arguments.options.get("attach", ())
                question = compose(prompt, namespace, ShellDisplay(self._shell), attached)
                return question.adding("the last error", self._last_error.told()) if "error" in arguments else question
        except KeyboardInterrupt:
            raise Stopped("stopped before the question was sent") from None

    def _format(self, arguments: Arguments, local_ns: Mapping[str, Any]) -> dict[str, Any]:
        """What the reply is to be, as settings of its turn."""
        name = arguments.options.get("schema")
        schema = None if name is None else {**self._shell.user_ns, **local_ns}.get(name)
        if name is not None and schema is None:
            raise AvaError(f"--schema {name}: no variable of that name holds a schema", "config")
        return {"format": arguments.options.get("format", "markdown"), "schema": schema}

    def endpoint(self, options: Mapping[str, Any]) -> Endpoint:
        """What a line with these options would ask, for a look at it that may take but a moment."""
        settings = self._settings(Arguments("", {"timeout": 5.0, "retries": 0, **options}))
        return self.chats.named().begin("", history=False, **settings).endpoint

    def _settings(self, arguments: Arguments) -> dict[str, Any]:
        """The settings of this turn: what the traits say, less what the line says otherwise."""
        names = (
            *("provider", "model", "base_url", "system", "temperature", "max_tokens"),
            *("timeout", "retries", "proxies", "context_tokens", "rerun"),
        )
        settings = {name: arguments.options.get(name, getattr(self, name)) for name in names}
        return settings | {"typed_keys": self._typed_keys, "options": dict(arguments.options.get("option", ()))}

    def _in_background(self, asking: UnderWay[Any]) -> Pending:
        pending = start(asking, self._receive)
        if asking.out:
            self._shell.user_ns[asking.out] = pending
        if hasattr(self._shell, "kernel"):
            self._has_been_shown(pending)  # by the place that its reply comes to
        return pending

    def _has_been_shown(self, value: Any) -> None:
        self._just_shown = value

    def _receive(self, reply: Any) -> None:
        self._has_been_shown(reply)
        if isinstance(reply, Reply):
            self._next_cell.take(reply)

    @contextmanager
    def _under_way(self, asking: UnderWay[Any]) -> Iterator[None]:
        try:
            with asking.on_screen():
                yield
        except Exception:
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
            return "the reply was stopped before its first word", None
        self._shell.displayhook.update_user_ns(self._conclude(asking))
        return asking.when_stopped, reply


AvaMagics.ava.__doc__ = _HELP


async def _one_moment() -> None:
    """A few turns of the loop: an interrupt that met the kernel's own handler, just before ours, cancels now."""
    for _ in range(4):
        await asyncio.sleep(0)
