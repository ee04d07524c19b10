"""Recording: a tape that listens while an endpoint replies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ..conversation.exchanges import Anchor
from ..providers.base import Delta, hang_up
from ..providers.endpoint import Endpoint
from .entry import Entry, Request, parse
from .take import Asked, CassetteTake, Ending, Reel, Take

__all__ = ["Recorder"]


@dataclass(eq=False)
class _Listening(CassetteTake):
    asked: Asked
    request: Request
    recorder: Recorder
    deltas: list[Delta] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._source = self.endpoint
        self.endpoint = replace(self.endpoint, ask=self._listen)

    async def _listen(self, model: str, messages: list[Any], **fields: Any) -> AsyncIterator[Delta]:
        deltas = self._source.ask(model, messages, **fields)
        try:
            async for delta in deltas:
                self.deltas.append(delta)
                yield delta
        finally:
            await hang_up(deltas)

    def end(self, ending: Ending) -> Ending:
        try:
            self.recorder.keep(self, ending)
        except OSError as error:
            return ending._replace(note=f"not recorded: {error.strerror or error}")
        return ending


class Recorder(Reel):
    """Keeps what each question got in a cassette: in the place of the same request's last recording, else as new."""

    def endpoint(self, find: Callable[[], Endpoint]) -> Endpoint:
        """The endpoint itself, once it is sure that the cassette can be written."""
        with self.lock:
            self.file.check()
        endpoint = find()
        return replace(endpoint, why=f"{endpoint.why}; recorded into {self.file.name}")

    def begin(self, asked: Asked, endpoint: Endpoint) -> Take:
        """A question whose reply will be kept; its place in the cassette is taken now."""
        request = asked.request()
        with self.lock:
            self.file.read()
            self.rewind_cell(asked.anchor)
            place = self._place(request, endpoint.name, asked.anchor)
            take = _Listening(endpoint, asked.anchor, place, asked, request, self)
            self.takes.append(take)
        return take

    def _place(self, request: Request, provider: str, anchor: Anchor) -> Entry | None:
        """The entry that this question's will replace.

        It is one of the same request; else of the same but for what was replied before it, for a model seldom says the
        same twice; else, where a cell's question was edited, the one of that cell's last run.
        """
        taken = {take.entry for take in self.takes if not take.over}
        free = [entry for entry in self.file.entries if entry not in taken]
        earlier = {take.entry for take in self.takes if take.anchor.is_earlier_run_of(anchor)}
        for found in (
            (entry for entry in free if entry.request == request),
            (entry for entry in free if entry.request.asks_as(request)),
            (e for e in free if e in earlier and len(e.request.messages) == len(request.messages)),
        ):
            place = min(found, key=lambda entry: entry.provider != provider, default=None)
            if place is not None:
                return place
        return None

    def keep(self, take: _Listening, ending: Ending) -> None:
        """Write down what ``take`` got, all of it or nothing.

        A stopped reply is kept as far as it had come.  A failure is kept until the same question gets a reply, and
        never in the place of one; nothing is kept of a question that was not sent or stopped before its first word.
        """
        failure = ending.failure
        entry = Entry(
            take.request,
            take.deltas,
            take.endpoint.name,
            take.endpoint.address,
            ending.seconds,
            ending.thought_for,
            ending.stopped and failure is None,
            (failure.kind, str(failure)) if failure is not None else None,
        )
        [entry] = parse(entry.line(take.asked.hide))
        with self.lock, self.file.alone():
            self.file.read()
            old = take.entry if take.entry in self.file.entries else None
            nothing_came = failure.kind == "config" if failure else ending.stopped and not take.deltas
            take.over = failure is not None or nothing_came
            if nothing_came or (failure is not None and old is not None and old.error is None):
                return
            self.file.put(entry, old, self._neighbours(take))
            take.entry = entry
            self.file.write()

    def _neighbours(self, take: _Listening) -> tuple[list[Entry | None], list[Entry | None]]:
        """The entries of what was asked before ``take``, and of what was asked after it."""
        number = self.takes.index(take)
        return [other.entry for other in self.takes[:number]], [other.entry for other in self.takes[number + 1 :]]
