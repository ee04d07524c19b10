"""What may stand in the place of a question: commands, reports, and ``%ava`` alone, which tells the state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from . import __version__
from .arguments import Arguments
from .content import text_of
from .controls import one_line, visible

if TYPE_CHECKING:
    from .chat import Chat
    from .providers.presets import Ask
    from .turn import Turn

__all__ = ["COMMANDS", "REPORTS", "state"]


def reset(chat: Chat, arguments: Arguments) -> str:
    """Forget the conversation."""
    turns = len(chat.conversation)
    chat.conversation.reset()
    return f"The conversation is empty; {turns} turn{'' if turns == 1 else 's'} forgotten."


def history(chat: Chat, arguments: Arguments) -> str:
    """The conversation, two lines for each turn."""
    lines = []
    newest = 0.0
    for number, exchange in enumerate(chat.conversation, start=1):
        mark = " (stopped)" if exchange.partial else ""
        mark += " (older than what it follows)" if exchange.at < newest else ""
        newest = max(newest, exchange.at)
        lines += [f"{number}. you: {one_line(text_of(exchange.prompt), 100)}"]
        lines += [f"   {exchange.model or exchange.provider}: {one_line(exchange.reply, 100)}{mark}"]
    return visible("\n".join(lines)) or "The conversation is empty."


def replay(chat: Chat, arguments: Arguments) -> str:
    """Take the replies from the cassette from now on."""
    turn = chat.begin("", replay=True)  # raises where there is no cassette
    chat.settings = replace(chat.settings, replay=True)
    return (
        f"{one_line(turn.endpoint.name)}: {turn.endpoint.why}.\n"
        "To ask again: %config AvaMagics.record = '' (then 'PATH' to record), or restart the kernel."
    )


def state(chat: Chat, turn: Turn) -> str:
    """What would answer ``turn`` and why, and how to change it."""
    endpoint = turn.endpoint
    rows = {
        "provider": f"{endpoint.name} ({endpoint.why})",
        "model": turn.settings.model or "the endpoint's own choice",
        "endpoint": endpoint.url or "none: it runs inside this package",
        "turns": f"{len(chat.conversation)} in the conversation (%ava --history shows them, %ava --reset forgets them)",
        "to change": "%config AvaMagics.model = 'NAME' (or .provider, .base_url); -m, -p, --base-url for one",
    }
    if endpoint.key is not None:
        rows["key"] = endpoint.key.name
    if endpoint.name == "guide":
        rows["next"] = (
            "set OPENAI_API_KEY or another preset's key, type one in with %ava --key -p openai, or start Ollama"
        )
    lines = [f"  {name:<10} {one_line(value)}" for name, value in rows.items()]
    return "\n".join([f"ava_magic {__version__}", *lines])


Command = Callable[["Chat", Arguments], str]

COMMANDS: Mapping[str, Command] = {"reset": reset, "history": history, "replay": replay}
"""The commands by the key of their option; each does its work and returns what is to be shown."""


def check(turn: Turn, arguments: Arguments) -> Ask:
    """Reach the endpoint step by step."""
    from .check import check  # the reports load aiohttp

    return check(turn.endpoint, through_proxy=turn.settings.proxies)


def models(turn: Turn, arguments: Arguments) -> Ask:
    """List the endpoint's models."""
    from .models import list_models

    return list_models(turn.endpoint, arguments.options["models"])


REPORTS: Mapping[str, Callable[[Turn, Arguments], Ask]] = {"check": check, "models": models}
"""The commands that take their time: each gives what answers in the endpoint's place, streamed as a reply is."""
