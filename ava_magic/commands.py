"""What may stand in the place of a question: commands, and ``%ava`` alone, which tells the state."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import __version__
from .arguments import Arguments
from .connection import Key, Origin
from .controls import counted, one_line
from .conversation.chats import MAIN, Chats
from .conversation.exchanges import fit
from .conversation.history import History, age
from .conversation.tokens import estimate_tokens
from .environment import from_home
from .errors import AvaError

if TYPE_CHECKING:
    from .chat import Chat
    from .conversation.exchanges import Anchor, Unanswered
    from .turn import Turn

__all__ = ["COMMANDS", "Call", "last_question", "state"]


@dataclass(frozen=True, slots=True)
class Call:
    """A command as it was called: by which line, from which cell, with which settings, beside which variables."""

    chats: Chats
    arguments: Arguments
    settings: Mapping[str, Any]
    anchor: Anchor
    namespace: dict[str, Any]
    keys: MutableMapping[Origin, Key]

    @property
    def name(self) -> str:
        """The name of the conversation that it is about."""
        return str(self.arguments.options.get("chat", MAIN))

    @property
    def chat(self) -> Chat:
        """The chat that it is about.  Raises :class:`AvaError` (``config``) where there is none of that name."""
        return self.chats.known(self.name)

    @property
    def value(self) -> Any:
        """The value of the command itself."""
        return self.arguments.options[self.arguments.command]


def reset(call: Call) -> str:
    """Forget the conversation."""
    conversation = call.chat.conversation
    turns = len(conversation)
    conversation.reset()
    if not turns:
        return f"The conversation {call.name} was empty already."
    return f"The conversation {call.name} is empty; {counted(turns, 'turn')} forgotten (%ava --undo brings them back)."


def history(call: Call) -> History:
    """The conversation as it is, and what of it the next question takes along."""
    chat = call.chat
    if "out" in call.arguments:
        call.namespace[call.arguments.options["out"]] = chat.conversation
    system = call.settings["system"]
    room = call.settings["context_tokens"] - (estimate_tokens(system) if system else 0)
    return History(chat.conversation, fit(chat.conversation.in_use(), room)[1])


def last_question(call: Call) -> Unanswered:
    """What ``--retry`` asks again.  Raises :class:`AvaError` (``config``) where nothing was asked."""
    if "attach" in call.arguments:
        raise AvaError("--retry asks what was asked, and --attach adds to it: ask anew instead", "config")
    question = call.chat.conversation.last_question()
    if question is None:
        raise AvaError(f"nothing was asked in the conversation {call.name} that could be asked again", "config")
    return question


def undo(call: Call) -> str:
    """Take back the last changes."""
    conversation = call.chat.conversation
    if not (undone := conversation.undo(call.value)):
        return f"Nothing has changed in the conversation {call.name} that could be taken back."
    turns = counted(len(conversation), "turn")
    return f"Taken back: {', '.join(undone)}. The conversation {call.name} has {turns} now."


def save(call: Call) -> str:
    """Write the conversation into a file."""
    from .conversation.files import save

    conversation = call.chat.conversation
    path = save(conversation, call.value)
    return f"{counted(len(conversation), 'turn')} of the conversation {call.name} saved in {path}."


def load(call: Call) -> str:
    """Go on with a conversation that was saved."""
    from .conversation.files import load

    exchanges = load(call.value)
    conversation = call.chats.named(call.name).conversation
    turns, place = counted(len(exchanges), "turn"), _in_place_of(len(conversation))
    conversation.become(exchanges, f"the load of {Path(call.value).name}")
    return f"{turns} loaded into the conversation {call.name}{place}"


def resume(call: Call) -> str:
    """Rebuild the conversation from the outputs of the notebook's file."""
    from .conversation.resume import find_notebook, resume

    told = from_home(call.value) if call.value else None
    path = told or find_notebook(os.environ, call.namespace, Path.cwd())
    found = resume(path, call.name)
    what = f"{path}, as it was saved {age(time.time() - found.saved)} ago,"
    if not found.exchanges:
        why = f"{counted(found.unread, 'output')} could not be read" if found.unread else _others(found.others)
        raise AvaError(f"{what} holds no reply of the conversation {call.name}; {why}", "config")
    conversation = call.chats.named(call.name).conversation
    turns = counted(len(found.exchanges), "turn")
    words = [f"{what} gave {turns} to the conversation {call.name}{_in_place_of(len(conversation))}"]
    if found.unread:
        words.append(f"{counted(found.unread, 'output')} could not be read as a turn.")
    if not told and call.anchor.cell and call.anchor.cell not in found.cells:
        words.append("This cell is not in it: what you did since is not saved, or it is another notebook.")
    if found.others:
        words.append(f"It {_others(found.others)}")
    conversation.become(found.exchanges, "the resume")
    return " ".join(words)


def usage(call: Call) -> object:
    """What was spent, in all conversations or in the one that is named."""
    return call.chats.spending.listing(call.chat.conversation.name if "chat" in call.arguments else None)


def replay(call: Call) -> str:
    """Take the replies from the cassette from now on."""
    turn = call.chats.named().begin("", replay=True)  # raises where there is no cassette
    call.chats.use_cassette(replay=True)
    return (
        f"{one_line(turn.endpoint.name)}: {turn.endpoint.why}.\n"
        "To ask again: %config AvaMagics.record = '' (then 'PATH' to record), or restart the kernel."
    )


def key(call: Call) -> str:
    """Take the endpoint's key in a hidden prompt."""
    from .hidden_prompt import take_key

    return take_key(call.chats.named().begin("", **call.settings, replay=False).endpoint, call.keys)


def state(chats: Chats, turn: Turn) -> str:
    """What would answer ``turn`` and why, and how to change it."""
    endpoint = turn.endpoint
    so_far = len(chats.named().conversation)
    sizes = {name: len(chat.conversation) for name, chat in chats.items() if name != MAIN}
    others = ", ".join(f"{name} ({turns})" for name, turns in sizes.items() if turns)
    rows = {
        "provider": f"{endpoint.name} ({endpoint.why})",
        "model": turn.settings.model or "the endpoint's own choice",
        "endpoint": endpoint.address or "none: it runs inside this package",
        "turns": f"{so_far} in the conversation {MAIN} (--history shows, --reset forgets)",
        "beside it": f"{others}: -c NAME talks there" if others else "",
        "to change": "%config AvaMagics.model = 'NAME' (or .provider, .base_url); -m, -p, --base-url for one",
    }
    if endpoint.key is not None:
        rows["key"] = endpoint.key.name
    if not so_far or endpoint.name == "guide":
        rows["next"] = _first_step(turn)
    lines = [f"  {name:<10} {one_line(value)}" for name, value in rows.items() if value]
    return "\n".join([f"ava_magic {__version__}", *lines])


def _first_step(turn: Turn) -> str:
    """The one thing that a newcomer does next."""
    if turn.endpoint.name == "guide":
        return "set OPENAI_API_KEY or another preset's key, type one in with %ava --key -p openai, or start Ollama"
    if not turn.settings.model and turn.endpoint.list_models:
        return "name a model, as most endpoints want one: %ava --models lists them"
    return "ask: %ava and a question; %ava --check finds out why none is answered"


COMMANDS: Mapping[str, Callable[[Call], object]] = {
    **{"history": history, "undo": undo, "reset": reset, "usage": usage},
    **{"save": save, "load": load, "resume": resume, "replay": replay, "key": key},
}
"""The commands by the key of their option; each does its work and returns what is to be shown: a text, or an object."""


def _in_place_of(turns: int) -> str:
    return f", in place of {turns:,} (%ava --undo brings those back)." if turns else "."


def _others(others: Mapping[str, int]) -> str:
    names = ", ".join(f"{one_line(name, 60)} ({turns})" for name, turns in sorted(others.items())[:5])
    return f"holds other conversations too: {names}; -c NAME takes one" if others else "is it saved?"
