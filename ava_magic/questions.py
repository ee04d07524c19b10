"""Questions as they were typed, made ready to run: one, the same to several models, one for each of many items."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from IPython.display import display as show

from .arguments import Arguments, compared_settings
from .asking import Asking, UnderWay
from .cassette.tape import replays
from .commands import Call, last_question
from .conversation.chats import MAIN
from .conversation.exchanges import Anchor, Unanswered
from .errors import AvaError, Stopped
from .interrupts import raising_interrupts
from .prompt.preview import preview
from .prompt.question import Question, compose, forbid_secrets
from .reports import REPORTS
from .runner import Run
from .values.content import text_of
from .values.displays import ShellDisplay, visible_names
from .views import choose

if TYPE_CHECKING:
    from .chat import Chat
    from .desk import Desk
    from .many.for_each import ForEach
    from .many.side_by_side import SideBySide
    from .turn import Turn

__all__ = ["Typed", "ask", "ask_again", "ask_each", "report"]


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed: its options, the variables of the function around it, the cell's run, and what may stop it."""

    arguments: Arguments
    local_ns: Mapping[str, Any]
    anchor: Anchor
    run: Run

    @property
    def in_background(self) -> bool:
        """Whether nobody waits for it."""
        return "background" in self.arguments


def ask(desk: Desk, typed: Typed, prompt: str) -> UnderWay[Any] | None:
    """The question ``prompt``; ``None`` where it was only looked at."""
    question = _compose(desk, typed, prompt)
    return _begin(desk, typed, question, Unanswered(question, typed.anchor))


def ask_again(desk: Desk, typed: Typed, call: Call) -> UnderWay[Any] | None:
    """The last question once more."""
    asked = last_question(call)
    return _begin(desk, typed, Question([text_of(asked.prompt)]), asked)


def ask_each(desk: Desk, typed: Typed, prompt: str) -> ForEach | None:
    """The question ``prompt`` for each item of what ``--each`` names; ``None`` where it was only looked at."""
    from .many.for_each import ForEach
    from .many.template import Template
    from .views.progress import choose_progress

    chat = desk.chats.named()
    settings = desk.settings(typed.arguments) | _format(desk, typed)
    names = {**visible_names(desk.shell), **typed.local_ns}
    is_checked = "send_secrets" not in typed.arguments
    check = functools.partial(forbid_secrets, others={}, environ=os.environ) if is_checked else lambda question: None
    template = Template(prompt, names, ShellDisplay(desk.shell), typed.arguments.options.get("attach", ()), check)
    question = template.for_all()
    first = chat.begin(question, history=False, **settings)
    if is_checked:
        _forbid_secrets(question, first)  # and with it what goes beside the prompt, the same for every item
    if "preview" in typed.arguments:
        show(preview(first), raw=True)
        return None
    view = functools.partial(
        choose_progress,
        stop=typed.run.stop,
        shell=desk.shell,
        display=desk.magics.display,
        question=prompt,
        background=typed.in_background,
    )
    return ForEach.begin(chat, template, first, typed.arguments, settings, names, typed.run, view)


def report(desk: Desk, typed: Typed) -> Asking:
    """A report on the endpoint, on its way as a question is, and kept out of the conversation."""
    # It is about the endpoint as it is now: nothing is tried again, and nothing comes from a cassette.
    settings = desk.settings(typed.arguments) | {"retries": 0, "replay": False}
    chat, command = desk.chats.named(), typed.arguments.command
    if replays(chat.settings.replay):
        end = "%config AvaMagics.record = '', or a restart," if chat.settings.replay else "%env AVA_REPLAY=0"
        raise AvaError(f"replies come from a cassette, so --{command} sends nothing; {end} ends that", "config")
    turn = chat.begin(f"--{command}", history=False, **settings)
    turn.report(REPORTS[command](turn, typed.arguments))
    return _asking(desk, typed, chat, turn)


def _begin(desk: Desk, typed: Typed, question: Question, asked: Unanswered) -> UnderWay[Any] | None:
    arguments = typed.arguments
    settings = desk.settings(arguments) | _format(desk, typed)
    history = "no_history" not in arguments
    if not history and "chat" in arguments:
        raise AvaError("-n and -c do not go together: -n asks outside of every conversation", "config")
    chat = desk.chats.named(arguments.options.get("chat", MAIN))
    compared = compared_settings(arguments)
    turns = [
        chat.begin(asked.prompt, asked.anchor, history=history, instead=asked.instead, **{**settings, **own})
        for own in compared.values() or ({},)
    ]
    if "send_secrets" not in arguments:
        _forbid_secrets(question, turns[0])
    if lines := question.about(any(turn.endpoint.takes_images for turn in turns)):
        print(lines)
    if "preview" in arguments:
        for turn in turns:
            show(preview(turn), raw=True)
        return None
    if compared:
        return _side_by_side(desk, typed, chat, dict(zip(compared, turns, strict=True)))
    return _asking(desk, typed, chat, turns[0])


def _asking(desk: Desk, typed: Typed, chat: Chat, turn: Turn) -> Asking:
    display, frame_rate = desk.magics.display, desk.magics.frame_rate
    view = choose(turn, typed.run.stop, desk.shell, display, frame_rate, background=typed.in_background)
    out = typed.arguments.options.get("out", "")
    return Asking(chat, turn, view, typed.run, background=typed.in_background, out=out)


def _side_by_side(desk: Desk, typed: Typed, chat: Chat, turns: Mapping[str, Turn]) -> SideBySide:
    from .many.side_by_side import SideBySide
    from .views.columns import choose_columns

    view = functools.partial(
        choose_columns,
        shell=desk.shell,
        display=desk.magics.display,
        frame_rate=desk.magics.frame_rate,
        background=typed.in_background,
    )
    desk.compared = SideBySide(chat, turns, typed.run, typed.arguments, view)
    return desk.compared


def _compose(desk: Desk, typed: Typed, prompt: str) -> Question:
    arguments = typed.arguments
    namespace = None if "raw" in arguments else {**visible_names(desk.shell), **typed.local_ns}
    try:
        with raising_interrupts():  # a value's own code runs here
            question = compose(prompt, namespace, ShellDisplay(desk.shell), arguments.options.get("attach", ()))
            return question.adding("the last error", desk.last_error.told()) if "error" in arguments else question
    except KeyboardInterrupt:
        raise Stopped("stopped before the question was sent") from None


def _forbid_secrets(question: Question, turn: Turn) -> None:
    others = {"the system message": turn.settings.system, "an option": str(turn.settings.options)}
    forbid_secrets(question, others, os.environ)


def _format(desk: Desk, typed: Typed) -> dict[str, Any]:
    """What the reply is to be, as settings of its turn."""
    name = typed.arguments.options.get("schema")
    schema = None if name is None else {**desk.shell.user_ns, **typed.local_ns}.get(name)
    if name is not None and schema is None:
        raise AvaError(f"--schema {name}: no variable of that name holds a schema", "config")
    return {"format": typed.arguments.options.get("format", "markdown"), "schema": schema}
