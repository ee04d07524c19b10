"""What the log is told, by the logger ``ava_magic`` and its children, for those who run this on a server.

INFO: a question was sent, to whom, and how it ended.  WARNING: a request is repeated, or a question failed.  DEBUG: the
words of the failure, which may quote what was sent.  Where the extension is loaded, a cell shows the warnings itself,
and they are told from INFO on.  No line holds a key; a question or an answer stands in none above DEBUG.
"""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING

from .connection import without_keys
from .controls import counted, one_line
from .conversation.kept import spent_by

if TYPE_CHECKING:
    from .errors import AvaError
    from .turn import Turn

__all__ = ["asking", "ended", "repeating"]

_log = logging.getLogger(__name__)
_numbers = itertools.count(1)


def asking(turn: Turn) -> int:
    """Tell that ``turn`` is sent; return its number, which stands in both lines about it."""
    number = next(_numbers)
    if _log.isEnabledFor(logging.INFO):
        what = f"model {turn.settings.model or 'of its choice'}, {counted(len(turn.messages), 'message')}"
        _log.info("#%d goes to %s, %s", number, _whom(turn), _safe(what, turn))
    return number


def ended(number: int, turn: Turn, seconds: float, failure: AvaError | None) -> None:
    """Tell how ``turn`` ended after so many ``seconds``, and what it took."""
    if failure is not None:
        _log.warning("#%d failed after %.2f s: %s from %s", number, seconds, failure.kind, _whom(turn))
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("#%d failed: %s", number, _safe(str(failure), turn))
    elif _log.isEnabledFor(logging.INFO):
        how = "was stopped" if turn.partial else f"ended ({_safe(turn.finish_reason or 'no reason told', turn)})"
        spent = spent_by(turn)
        about = "about " if spent.estimated else ""
        tokens = f"{about}{spent.sent} tokens sent, {spent.received} received"
        model = _safe(turn.model or "not told", turn)
        _log.info("#%d %s after %.2f s: model %s, %s", number, how, seconds, model, tokens)


def repeating(host: str | None, status: int | None, seconds: float) -> None:
    """Tell that a request to ``host`` is repeated in ``seconds``, after a ``status`` or, ``None``, no connection."""
    _log.warning("%s: %s; asking again in %.1f s", host, f"status {status}" if status else "no connection", seconds)


def _whom(turn: Turn) -> str:
    """Who is asked: of a URL the host alone, since a key may stand in the rest."""
    name, where = turn.endpoint.name, turn.endpoint.where
    return _safe(name if where == name else f"{name} at {where}", turn)


def _safe(words: str, turn: Turn) -> str:
    """``words`` in one line and less every key: an endpoint may send back its own, and a user type one as a model."""
    return one_line(without_keys(words, turn.endpoint.key), 500)
