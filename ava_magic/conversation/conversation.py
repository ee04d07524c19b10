"""The conversation: exchanges in order, each in the place of the cell that made it.

A notebook is not a chat log: its cells are run again, out of order, and the last run counts.  So an exchange knows the
cell and the run it came from, and a new run of a cell takes the place of what that cell's last run added.  A run that
got no answer sets that aside: the notebook no longer shows it, so it is kept but not sent.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, overload

from ..controls import counted, one_line
from ..errors import AvaError
from ..values.content import text_of
from .exchanges import Anchor, Exchange, Message, Rerun, Unanswered

__all__ = ["Conversation"]

_UNDONE_AT_MOST = 100  # changes: each keeps the list from before it
_changing = threading.RLock()  # one for all conversations, so that each can be copied


class Conversation(Sequence[Exchange]):
    """The ``exchanges`` of ``name``, oldest first: a sequence that its methods alone change, and each can be undone."""

    def __init__(self, exchanges: Sequence[Exchange] = (), name: str = "main") -> None:
        self.name = name
        self._exchanges = list(exchanges)  # never changed in place: what was before a change is kept for undo()
        self._changes: deque[tuple[str, list[Exchange]]] = deque(maxlen=_UNDONE_AT_MOST)
        self._unanswered: Unanswered | None = None

    @classmethod
    def from_openai(cls, messages: Sequence[Mapping[str, Any]], name: str = "main") -> Conversation:
        """The conversation ``name`` that OpenAI ``messages`` hold.  System messages are left out: they are a setting.

        Raises :class:`AvaError` (``config``) where it is not a user's message and a reply to it, in turns.
        """
        exchanges: list[Exchange] = []
        prompt: Any = None
        for number, message in enumerate(messages):
            role = message.get("role") if isinstance(message, Mapping) else None
            if role in ("system", "developer"):
                continue
            expected = "user" if prompt is None else "assistant"
            content = message.get("content") if role == expected else None
            if not (content and isinstance(content, str | list)):
                raise AvaError(f"message {number + 1} should be the {expected}'s, with a content", "config")
            if prompt is None:
                prompt = content
            else:
                exchanges.append(Exchange(prompt, text_of(content)))
                prompt = None
        if prompt is not None:
            raise AvaError("the last message has no reply", "config")
        return cls(exchanges, name)

    def to_openai(self) -> list[Message]:
        """The messages of what may be sent, as OpenAI's API takes them."""
        return [message for exchange in self.in_use() for message in exchange.messages()]

    def __len__(self) -> int:
        return len(self._exchanges)

    @overload
    def __getitem__(self, index: int) -> Exchange: ...
    @overload
    def __getitem__(self, index: slice) -> Conversation: ...
    def __getitem__(self, index: int | slice) -> Exchange | Conversation:
        if isinstance(index, slice):
            return Conversation(self._exchanges[index], self.name)
        return self._exchanges[index]

    def __eq__(self, other: object) -> bool:
        return self._exchanges == other._exchanges if isinstance(other, Conversation) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a list's rule: what changes has no hash

    def __repr__(self) -> str:
        return f"<Conversation of {counted(len(self), 'turn')}>"

    def __str__(self) -> str:
        from .history import History

        return str(History(self))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        from .history import History

        return History(self)._repr_mimebundle_()

    def in_use(self) -> list[Exchange]:
        """The exchanges that may be sent: all but those that were set aside."""
        return [exchange for exchange in self._exchanges if not exchange.aside]

    def before(self, anchor: Anchor, rerun: Rerun = "replace", instead: Exchange | None = None) -> list[Exchange]:
        """The exchanges that a question asked at ``anchor`` follows.

        For a cell that is run again, with ``rerun="replace"``, these are the ones before its own place, less what its
        last run added; ``instead`` names the one exchange to replace.
        """
        kept, place = self._place(anchor, rerun, instead)
        return [exchange for exchange in kept[:place] if not exchange.aside]

    def add(self, exchange: Exchange, rerun: Rerun = "replace", instead: Exchange | None = None) -> None:
        """Put ``exchange`` in its place: that of ``instead``, of its cell's last run by ``rerun``, else the end."""
        with _changing:
            kept, place = self._place(exchange.anchor, rerun, instead)
            kind = "turn" if len(kept) == len(self) else "rerun"
            self._change(f"the {kind} {_quoted(exchange.prompt)}", [*kept[:place], exchange, *kept[place:]])
            self._unanswered = None

    def miss(self, question: Unanswered, rerun: Rerun = "replace") -> None:
        """``question`` got no answer: by ``rerun`` its cell's last turns are set aside.  It can be asked again."""
        with _changing:
            if question.instead is None and rerun == "replace":
                self._set_aside(question.anchor, question.prompt)
            self._unanswered = question

    def end_in_vain(self, anchor: Anchor) -> None:
        """The run at ``anchor`` has failed: where it added nothing, what its cell's last run added is set aside."""
        with _changing:
            if not any(exchange.anchor == anchor for exchange in self):
                self._set_aside(anchor)

    def _set_aside(self, anchor: Anchor, prompt: Any = None) -> None:
        former = [e.anchor.is_earlier_run_of(anchor) and not e.aside for e in self]
        if any(former):
            aside = [replace(e, aside=True) if is_former else e for e, is_former in zip(self, former, strict=True)]
            what = self[former.index(True)].prompt if prompt is None else prompt
            self._change(f"the failed rerun {_quoted(what)}", aside)

    def last_question(self) -> Unanswered | None:
        """The question that was asked last, answered or not; ``None`` where nothing was."""
        if self._unanswered or not self._exchanges:
            return self._unanswered
        last = max(reversed(self._exchanges), key=lambda exchange: exchange.at)
        return Unanswered(last.prompt, last.anchor, last)

    def reset(self) -> None:
        """Forget every exchange; where there is none this is no change, and leaves the last one to :meth:`undo`."""
        if self._exchanges:
            self.become([], "the reset")
        else:
            self._unanswered = None

    def become(self, exchanges: Sequence[Exchange], what: str) -> None:
        """Hold ``exchanges`` in place of what was there; ``what`` names the change: ``"the load of chat.json"``."""
        with _changing:
            self._change(what, list(exchanges))
            self._unanswered = None

    def swap(self, old: Exchange, new: Exchange, what: str) -> None:
        """Hold ``new`` where ``old`` was; ``what`` names the change.  Another turn may be kept at the same time."""
        with _changing:
            self.become([new if exchange == old else exchange for exchange in self], what)

    def undo(self, steps: int = 1) -> list[str]:
        """Take back the last change, or the last ``steps``, of whatever kind; return what they were, newest first.

        An undo is no change: the next one goes a step further back.  A hundred changes are remembered.
        """
        undone: list[str] = []
        with _changing:
            while self._changes and len(undone) < steps:
                what, self._exchanges = self._changes.pop()
                undone.append(what)
            if undone:
                self._unanswered = None
        return undone

    def _change(self, what: str, exchanges: list[Exchange]) -> None:
        self._changes.append((what, self._exchanges))
        self._exchanges = exchanges

    def _place(self, anchor: Anchor, rerun: Rerun, instead: Exchange | None) -> tuple[list[Exchange], int]:
        """What stays when a turn is added at ``anchor``, and where among it the turn belongs."""
        if instead is not None and instead in self._exchanges:
            place = self._exchanges.index(instead)
            return self._exchanges[:place] + self._exchanges[place + 1 :], place
        looks_back = rerun == "replace" and anchor.cell is not None
        of_cell = [n for n, e in enumerate(self._exchanges) if e.anchor.cell == anchor.cell] if looks_back else []
        former = {n for n in of_cell if self._exchanges[n].anchor != anchor}
        own = [n for n in of_cell if self._exchanges[n].anchor == anchor]
        kept = [e for n, e in enumerate(self._exchanges) if n not in former] if former else self._exchanges
        if own:
            return kept, own[-1] + 1 - sum(n < own[-1] for n in former)
        return kept, min(former) if former else len(kept)


def _quoted(prompt: Any) -> str:
    return f"\u201c{one_line(text_of(prompt)[:200], 40)}\u201d"
