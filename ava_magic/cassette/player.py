"""Replaying: a tape that replies in the place of an endpoint."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import AvaError, NotRecorded
from ..providers.base import Delta
from ..providers.endpoint import Endpoint
from .entry import Entry, Request
from .nearest import difference, nearest
from .take import Asked, CassetteTake, Ending, Reel, Take

__all__ = ["Player"]


@dataclass(eq=False)
class _Replaying(CassetteTake):
    entry: Entry  # pyright: ignore[reportIncompatibleVariableOverride]  # it is set once

    def __post_init__(self) -> None:
        name = self.entry.provider or self.endpoint.name
        self.endpoint = replace(self.endpoint, name=name, url=self.entry.url, ask=self._reply)

    async def _reply(self, model: str, messages: list[Any], **fields: Any) -> AsyncIterator[Delta]:
        for delta in self.entry.deltas:
            yield delta
            await asyncio.sleep(0)  # the screen is painted meanwhile, and Stop is heard

    def end(self, ending: Ending) -> Ending:
        if ending.stopped or ending.failure is not None:
            return ending
        failure = AvaError(self.entry.error[1], self.entry.error[0]) if self.entry.error else None
        return Ending(self.entry.seconds, self.entry.thought_for, self.entry.stopped, failure)


class Player(Reel):
    """Replies from a cassette; nothing is sent, looked up or written."""

    def endpoint(self, find: Callable[[], Endpoint]) -> Endpoint:
        """The cassette itself."""
        with self.lock:
            entries = self._entries()
        why = f"replies come from this cassette, {len(entries):,} recorded; nothing is sent"
        # It takes what the endpoint took that was recorded.
        images = any(entry.request.has_parts for entry in entries)
        shapes = any("response_format" in entry.request.fields for entry in entries)
        path = str(self.file.path)
        return Endpoint(self.file.name, _nobody, path, why=why, takes_images=images, takes_response_format=shapes)

    def begin(self, asked: Asked, endpoint: Endpoint) -> Take:
        """A question, answered with what is recorded for it.  Raises :class:`NotRecorded`.

        Equal requests are answered in the order of their recordings, and after the last one from the first again.
        """
        request = asked.request()
        with self.lock:
            self.rewind_cell(asked.anchor)
            times = Counter(take.entry for take in self.takes if not take.over)
            entries = self._entries()
            found = [entry for entry in entries if entry.request.answers(request)]
            if not found:
                raise self._not_recorded(request, entries)
            entry = min(
                found,
                key=lambda entry: (
                    entry.request.model != request.model,
                    bool(asked.provider) and entry.provider != asked.provider,
                    times[entry],
                ),
            )
            take = _Replaying(endpoint, asked.anchor, entry)
            self.takes.append(take)
        return take

    def _entries(self) -> Sequence[Entry]:
        self.file.read()
        if self.file.is_missing:
            raise AvaError(
                f"there is no cassette {self.file.path} (a relative path begins in the folder where kernel or script "
                "was started); to record one, ask without --replay and with AVA_REPLAY=0",
                "config",
            )
        return self.file.entries

    def _not_recorded(self, request: Request, entries: Sequence[Entry]) -> NotRecorded:
        name = self.file.name
        if not entries:
            return NotRecorded(f"this request is not in {name}, which is empty; record it again")
        lines = difference(nearest(request, entries).request, request)
        return NotRecorded(
            f"this request is not in {name}; the nearest of its {len(entries):,} is (-), not (+):", lines
        )


def _nobody(model: str, messages: list[Any], **fields: Any) -> AsyncIterator[Delta]:
    raise AssertionError("a player's take asks its entry")
