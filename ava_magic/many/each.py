"""One question for each of many items: so many at once, in order, with nothing of it in a conversation.

Items are pulled when there is room for them: at most ``PULLED_AHEAD`` times the concurrency are on their way, or
answered and not yet taken.  So a generator without end takes no more memory than a short list.
"""

from __future__ import annotations

import asyncio
import os
import time
import warnings
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

from ..answers.structured import Misfit
from ..chat import Chat
from ..conversation.tokens import reported
from ..errors import AvaError
from ..reply import Reply
from ..settings import Settings
from ..turn import Turn
from .items import Items, items_of
from .ledger import Ledger
from .results import digest
from .template import Template, Words
from .throttle import Throttle

__all__ = ["PULLED_AHEAD", "Asker", "Batch", "Progress", "Result", "ask_each"]

PULLED_AHEAD = 6
_ASKED_AGAIN = 5  # times, where others were answered meanwhile: the limit was everybody's
_END = object()


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
            self.tokens += reported(reply.usage, "completion_tokens") or len(reply.text) // 4


async def ask_each(
    chat: Chat,
    items: Any,
    prompt: str,
    *,
    concurrency: int = 8,
    into: str | os.PathLike[str] | None = None,
    **changes: Any,
) -> AsyncGenerator[Reply, None]:
    """Ask ``prompt`` once for each of ``items``, with ``{item}`` in it; yield the replies in the items' order.

    An item may be reached into: ``{item.column}``, ``{item["a column"]}``; :func:`~.items.items_of` says what may hold
    items.  One that failed, after the endpoint's own retries, comes as a :class:`~ava_magic.Reply` whose
    ``error`` says why.  ``chat`` gives the settings, ``changes`` change some, as for :meth:`~ava_magic.Chat.ask`; its
    conversation is neither read nor extended.

    With ``into``, a path, every reply is added to that file as it comes, and those that it holds already are not asked
    for again.  Raises :class:`AvaError` (``config``) where nothing can be asked, or the file not be written.  To stop
    early, close it, as with ``aclosing``: all that is under way is hung up.
    """
    batch = Batch(
        chat, items_of(items), Template(prompt, {}, Words()), concurrency=concurrency, into=into, changes=changes
    )
    if batch.note:
        warnings.warn(batch.note, stacklevel=2)
    async with aclosing(batch.replies()) as replies:
        async for reply in replies:
            yield reply


class Asker(Protocol):
    """Sends the turns of a batch, between ``begin()`` and ``end()``, each called once in the batch's loop."""

    def begin(self, settings: Settings, throttle: Throttle) -> None:
        """Turns of these ``settings`` will come.  ``throttle`` is to be told of every wait for a retry."""

    async def ask(self, turn: Turn) -> Reply:
        """The reply to a turn that was begun.  Raises :class:`AvaError`."""
        ...

    async def end(self) -> None:
        """Leave nothing under way."""


class Batch:
    """Many items on their way.

    ``asker`` sends the turns, from this process where it is left out; ``on_result`` is told of each
    result as it comes, in whatever order.  ``note`` is what the user should know before it begins, or ``""``.
    """

    def __init__(
        self,
        chat: Chat,
        items: Items,
        template: Template,
        *,
        concurrency: int = 8,
        into: str | os.PathLike[str] | None = None,
        changes: dict[str, Any],
        asker: Asker | None = None,
        on_result: Callable[[Result], None] | None = None,
    ) -> None:
        if concurrency < 1:
            raise AvaError("the concurrency must be a whole number above 0", "config")
        self.progress = Progress(items.total)
        self.throttle = Throttle(concurrency)
        self.note = ""
        self._chat = chat
        self._source = items.source
        self.template = template
        self._changes = changes
        self._asker = asker or _Here(chat)
        self._on_result = on_result
        self._concurrency = concurrency
        self._window: deque[asyncio.Future[Reply]] = deque()
        self._pulled = 0
        self._answered = 0
        self._failure: Exception | None = None
        self._is_exhausted = False
        self._moved = asyncio.Event()  # an item was pulled, or there are no more
        self._taken = asyncio.Event()  # the window has room
        self._pulling = asyncio.Lock()
        self._ledger: Ledger | None = None
        first = self._begin(template.for_all())  # raises what would be wrong with every item
        if into is not None:
            self._ledger = Ledger(into, digest(first.messages, *_request(first)))
            if self._ledger.others:
                self.note = (
                    f"{into} holds {self._ledger.others:,} results of another request: the prompt, the model or a "
                    "setting has changed since. They stay in it, and their items are asked again"
                )

    async def replies(self) -> AsyncGenerator[Reply, None]:
        """Ask, and yield the replies in the items' order.  Raises what the items or the file raise, after the rest."""
        self.progress.started = time.monotonic()
        self._asker.begin(replace(self._chat.settings, **self._changes), self.throttle)
        workers = [asyncio.create_task(self._work()) for _ in range(self._concurrency)]
        try:
            while True:
                while not self._window and not self._is_exhausted:
                    self._moved.clear()
                    await self._moved.wait()
                if not self._window:
                    break
                reply = await self._window[0]
                self._window.popleft()
                self._taken.set()
                yield reply
            if self._failure is not None:
                raise self._failure
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            await self._asker.end()
            self.progress.ended = time.monotonic()
            if self._ledger is not None:
                await self._ledger.close()

    async def _work(self) -> None:
        while (pulled := await self._pull()) is not None:
            position, item, place = pulled
            try:
                place.set_result(await self._result(position, item))
            except asyncio.CancelledError:
                place.cancel()
                raise
            except Exception as error:  # of an item's own code, for one: it ends the run where the item stands
                place.set_exception(error)
                place.exception()  # it counts as seen: an item before it may have ended the run already
                self._end()

    async def _pull(self) -> tuple[int, Any, asyncio.Future[Reply]] | None:
        """The next item, its position and where its reply is waited for; ``None`` where there are no more."""
        async with self._pulling:
            while len(self._window) >= PULLED_AHEAD * self._concurrency:
                self._taken.clear()
                await self._taken.wait()
            item = _END if self._is_exhausted else await self._next()
            if item is _END:
                self._end()
                return None
            place: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
            self._window.append(place)
            self._moved.set()
            self._pulled += 1
            return self._pulled - 1, item, place

    async def _next(self) -> Any:
        try:
            if isinstance(self._source, AsyncIterator):
                return await anext(self._source, _END)
            return next(self._source, _END)
        except Exception as error:  # the generator's own: it is raised when what came before it was told
            self._end(error)
            return _END

    def _end(self, failure: Exception | None = None) -> None:
        self._is_exhausted = True
        self._failure = self._failure or failure
        self._moved.set()

    async def _result(self, position: int, item: Any) -> Reply:
        """The reply for one item, from the file or from the endpoint; it is counted, kept and told."""
        found: Reply | None = None
        try:
            prompt = self.template.for_item(item)
            turn = self._begin(prompt)
        except AvaError as error:
            if position == 0:  # so it is the prompt that is wrong
                raise
            reply = Reply("", partial=True, error=error.with_traceback(None))
            key = self._ledger.key(position) if self._ledger else ""
        else:
            key = self._ledger.key(turn.messages, *_request(turn)) if self._ledger else ""
            found = _found(self._ledger, key, turn) if self._ledger else None
            reply = found or await self._send(prompt, turn)
        if self._ledger is not None and found is None:
            try:
                self._ledger.add(key, position, item, reply)
            except AvaError as error:
                self._end(error)
        self.progress.count(reply, was_found=found is not None)
        if self._on_result is not None:
            self._on_result(Result(position, item, reply))
        return reply

    async def _send(self, prompt: Any, turn: Turn) -> Reply:
        for attempt in range(_ASKED_AGAIN + 1):
            answered = self._answered
            try:
                async with self.throttle:
                    reply = await self._asker.ask(turn)
                self._answered += 1
                return reply
            except AvaError as error:
                failure = error
            if failure.kind != "rate_limit":
                break
            self.throttle.note_wait("429 too many requests", 0.5 * 2**attempt)
            await self.throttle.is_open()
            if self._answered == answered:
                break
            turn = self._begin(prompt)  # others had an answer meanwhile: it was refused for their sake
        return replace(failure.reply or turn.reply(), error=failure.with_traceback(None), partial=True)

    def _begin(self, prompt: Any) -> Turn:
        turn = self._chat.begin(prompt, history=False, **self._changes)
        turn.on_wait = self.throttle.note_wait
        return turn


class _Here:
    """Sends the turns from this process."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    def begin(self, settings: Settings, throttle: Throttle) -> None:
        pass  # the turns tell of it themselves

    async def ask(self, turn: Turn) -> Reply:
        await self._chat.finish(turn)
        return turn.reply()

    async def end(self) -> None:
        pass


def _found(ledger: Ledger, key: str, turn: Turn) -> Reply | None:
    """The reply that was kept for ``turn``, with its data read anew: that may be an object of the user's class."""
    kept = ledger.find(key, tuple(turn.messages))
    try:
        return kept and replace(kept, format=turn.settings.format, data=turn.data_in(kept.text))
    except Misfit:
        return None


def _request(turn: Turn) -> tuple[Any, ...]:
    """What a request consists of beside its messages."""
    settings = turn.settings
    return turn.endpoint.url or turn.endpoint.name, settings.model, settings.system, settings.request_fields()
