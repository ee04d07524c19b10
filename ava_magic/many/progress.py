"""What came of the items so far: each result, and how far it is with them all."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..conversation.tokens import reported
from ..reply import Reply

__all__ = ["Progress", "Result"]


class Result(NamedTuple):
    """What came of the item at ``position``, counted from 0 in the items' order."""

    position: int
    item: Any
    reply: Reply


@dataclass
class Progress:
    """How far it is.  A view reads it while it runs.

    Attributes:
        total: how many items there are, ``None`` where that is not known before the end.
        done: how many are over, those that failed and those that were found in the file among them.
        tokens: of the replies, by the endpoint's count where there is one.
        started, ended: when the first was asked and the last was over (``time.monotonic``); ``ended`` is 0 before.
    """

    total: int | None = None
    done: int = 0
    failed: int = 0
    found: int = 0
    tokens: int = 0
    started: float = field(default_factory=time.monotonic)
    ended: float = 0.0

    def seconds(self) -> float:
        """How long it has taken so far."""
        return (self.ended or time.monotonic()) - self.started

    def count(self, reply: Reply, *, was_found: bool) -> None:
        """Take one more into account."""
        self.done += 1
        self.failed += reply.error is not None
        self.found += was_found
        if not was_found:
            self.tokens += reported(reply.usage, "completion_tokens") or len(reply.text) // 4  # as while one streams
