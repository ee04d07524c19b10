"""What comes of a reply, delta by delta: its content, the thinking before it, and what is told beside them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from .controls import one_line
from .halves import PairJoiner, without_halves
from .providers.base import Again, Delta, FinishReason, ModelName, Reasoning, Refusal, Usage
from .reasoning import ThinkSplitter

__all__ = ["Arrival"]


class Arrival:
    """What has come so far.

    Attributes:
        pieces: the content that has come, in order; only ever appended to, until an answer that does not fit gives way
            to another one, in a list of its own.
        thoughts: the reasoning that has come, likewise.
        thought_until: when the last of it came (``time.monotonic``); 0 before that.
        model: the model that answers, or that was asked for; ``None`` where the endpoint chooses and has not said.
        usage: the token counts that the endpoint has reported, by its own names, or ``None``.
        finish_reason: its word for why the reply has ended, or ``None``.
        refusal: the words of a refusal.
        unread: the name of a type that came and that nobody here knows; ``""``: none did.
        notes: what a reader should know of the reply.
    """

    def __init__(self, model: str) -> None:
        self.pieces: list[str] = []
        self.thoughts: list[str] = []
        self.thought_until = 0.0
        self.model = model or None
        self.usage: Mapping[str, Any] | None = None
        self.finish_reason: str | None = None
        self.refusal = ""
        self.unread = ""
        self.notes: list[str] = []
        self._pairs = PairJoiner()
        self._splitter = ThinkSplitter()
        self._is_in_vain = False  # whether what has come is: another answer was asked for

    def take_in(self, delta: Delta) -> str:
        """Take in the next delta; return what content there is in it, ``""`` for none."""
        if not isinstance(delta, str):
            self._take_note(delta)
            return ""
        text = self._pairs.feed(delta)
        return self._keep(text if self._splitter.passed else self._split(*self._splitter.feed(text)))

    def take_rest(self) -> str:
        """The stream has ended: take in, and return, the content that was held back until it was clear what it is."""
        rest = self._split(*self._splitter.feed(self._pairs.finish()))
        return self._keep(rest + self._split(*self._splitter.finish()))

    def _keep(self, answer: str) -> str:
        if answer:
            if self._is_in_vain:  # only now: if nothing more comes, what there was is kept
                self._is_in_vain = False
                self.pieces = [answer]  # in one step: a view in another thread never sees it empty
            else:
                self.pieces.append(answer)
        return answer

    def _split(self, thought: str, answer: str) -> str:
        if thought:
            self._think(thought)
        return answer

    def _think(self, thought: str) -> None:
        self.thoughts.append(thought)
        self.thought_until = time.monotonic()

    def _take_note(self, delta: object) -> None:
        if isinstance(delta, Reasoning):
            self._think(without_halves(delta.text))
        elif isinstance(delta, Usage):
            self.usage = delta.counts
        elif isinstance(delta, FinishReason):
            self.finish_reason = delta.reason
        elif isinstance(delta, ModelName):
            self.model = delta.name and without_halves(delta.name)
        elif isinstance(delta, Again):
            self._is_in_vain = True
            self.notes.append(f"asked again, since {one_line(delta.reason, 80)}")
        elif isinstance(delta, Refusal):
            self.refusal += without_halves(delta.text)
        elif delta is not None:
            self.unread = type(delta).__name__
