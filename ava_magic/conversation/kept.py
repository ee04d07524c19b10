"""What stays of a turn: its exchange in the conversation, a record beside its output, and what it cost."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .exchanges import Anchor, Exchange
from .records import FORMAT, to_record
from .tokens import estimate_tokens, own_tokens, reported
from .usage import Spent

if TYPE_CHECKING:
    from ..turn import Turn

__all__ = ["exchange_of", "record_of", "spent_by"]


def exchange_of(turn: Turn) -> Exchange:
    """The turn as the conversation keeps it."""
    text = "".join(turn.pieces)
    return Exchange(
        prompt=turn.prompt,
        reply=text,
        anchor=turn.anchor,
        partial=turn.partial,
        model=turn.model,
        provider=turn.endpoint.name,
        at=turn.ended or time.time(),
        counts=own_tokens(turn.usage, turn.messages, text, "".join(turn.thoughts)) if turn.usage else None,
    )


def record_of(turn: Turn) -> dict[str, Any]:
    """The turn as plain data beside its output.  ``chat`` names the conversation that keeps it, if one does.

    The run is left out: the notebook's file knows it by its cell, and a notebook run again should differ in little.
    """
    exchange = exchange_of(turn)
    exchange = replace(exchange, anchor=Anchor(exchange.anchor.cell))
    chat = None if turn.failed else turn.chat
    retry = {"retry": True} if turn.instead else {}
    words = {"prompt": exchange.prompt, "reply": exchange.reply}
    return {"format": FORMAT, "chat": chat, **words, **to_record(exchange), **retry}


def spent_by(turn: Turn) -> Spent:
    """The tokens that it took, by the endpoint's count where there is one; no turn where nothing came, or a report."""
    sent = reported(turn.usage, "prompt_tokens")
    received = reported(turn.usage, "completion_tokens")
    if turn.is_report or not (sent or received or turn.pieces or turn.thoughts):
        return Spent()
    return Spent(
        turns=1,
        sent=sent or sum(estimate_tokens(message["content"]) for message in turn.messages),
        received=received or estimate_tokens("".join([*turn.thoughts, *turn.pieces])),
        estimated=not (sent and received),
    )
