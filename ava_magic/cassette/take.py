"""One question on its way through a tape, and what the tapes have in common."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from ..connection import Key, without_known
from ..conversation.exchanges import Anchor
from ..errors import AvaError
from ..prompt.leaks import secrets_of
from ..providers.endpoint import Endpoint
from .entry import Entry, Request
from .file import File

__all__ = ["Asked", "CassetteTake", "Ending", "Reel", "Take", "Tape"]


@dataclass(frozen=True)
class Asked:
    """A question as it goes to an endpoint; ``provider`` is who was named, ``""`` where nobody was."""

    model: str
    messages: Sequence[Any]
    fields: Mapping[str, Any]
    provider: str = ""
    anchor: Anchor = Anchor()
    key: Key | None = None

    def request(self) -> Request:
        """The part of it that a cassette keeps."""
        return Request.of(self.model, self.messages, self.fields, self.hide)

    def hide(self, text: str) -> str:
        """``text`` without the keys that are known: those of the environment, and the question's own."""
        return without_known(text, self._secrets)

    @cached_property
    def _secrets(self) -> list[str]:
        # A short key ("none", "not-needed") is no secret there, but a word of its own.
        own = secrets_of({"API_KEY": self.key.reveal()}) if self.key is not None else {}
        return [*secrets_of(os.environ).values(), *own.values()]


class Ending(NamedTuple):
    """How a turn ended: after how many seconds, stopped by the user or by ``failure``; ``note`` goes to the footer."""

    seconds: float
    thought_for: float
    stopped: bool = False
    failure: AvaError | None = None
    note: str = ""


@dataclass(eq=False)
class Take:
    """One question on its way through a tape; this one leaves no trace.  ``endpoint`` is what it asks."""

    endpoint: Endpoint

    def end(self, ending: Ending) -> Ending:
        """The turn is over; return how it ended, as the reader is to be told."""
        return ending


class Tape(Protocol):
    """What stands between a turn and its endpoint."""

    def endpoint(self, find: Callable[[], Endpoint]) -> Endpoint:
        """What will answer; ``find`` looks for the endpoint, on the network too.  Raises :class:`AvaError`."""
        ...

    def begin(self, asked: Asked, endpoint: Endpoint) -> Take:
        """A question is about to be sent.  Raises :class:`AvaError`."""
        ...


@dataclass(eq=False)
class CassetteTake(Take):
    """A take with an ``entry`` of a cassette, which is its own, and nobody else's until it is ``over``."""

    anchor: Anchor
    entry: Entry | None
    over: bool = field(default=False, init=False)


class Reel:
    """What recorder and player share: the file, and the takes of this run in the order they began."""

    def __init__(self, path: Path) -> None:
        self.file = File(path)
        self.lock = threading.RLock()  # a reply may stream in a thread of its own
        self.takes: list[CassetteTake] = []

    def rewind_cell(self, anchor: Anchor) -> None:
        """A cell that is run again gives back what its last run took."""
        for take in self.takes:
            take.over = take.over or take.anchor.is_earlier_run_of(anchor)
