"""One question for each of many items: so many at once, in order, with nothing of it in a conversation.

Items are pulled when there is room for them: at most six times the concurrency are on their way, or
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
from dataclasses import replace
from typing import Any

from ..chat import Chat
from ..errors import AvaError
from ..models import listing_once
from ..reply import Reply
from ..turn import Turn
from .askers import Asker, Here
from .items import Items, items_of
from .ledger import Ledger, request_of
from .progress import Progress, Result
from .results import digest
from .template import Template, Words
from .throttle import Throttle

__all__ = ["CONCURRENCY", "Batch", "ask_each"]

CONCURRENCY = 8
"""How many are asked at once where nobody asks for another number."""

_PULLED_AHEAD = 6
_ASKED_AGAIN = 5  # times, where others were answered meanwhile: the limit was everybody's
_END = object()


async def ask_each(
    chat: Chat,
    items: Any,
    prompt: str,
    *,
    concurrency: int = CONCURRENCY,
    into: str | os.PathLike[str] | None = None,
    **changes: Any,
) -> AsyncGenerator[Reply, None]:
    """Ask ``prompt`` once for each of ``items``, with ``{item}`` in it; yield the replies in the items' order.

    An item may be reached into: ``{item.column}``, ``{item["a column"]}``; :func:`~.items.items_of` says what may hold
    items.  One that failed, after the endpoint's own retries, comes as a :class:`~ava_magic.Reply` whose
    ``error`` says why.  ``concurrency`` is how many are asked at once.  ``chat`` gives the settings, ``changes`` change
    some, as for :meth:`~ava_magic.Chat.ask`; its conversation is neither read nor extended.

    With ``into``, a path, every reply is added to that file as it comes, and those that it holds already are not asked
    for again.  Raises :class:`AvaError` (``config``) where nothing can be asked, or the file not be written, and the
    error of an endpoint that asks for a longer wait than a question waits.  To stop early, close it, as with
    ``aclosing``: all that is under way is hung up.
    """
    batch = Batch(
        chat, items_of(items), Template(prompt, {}, Words()), concurrency=concurrency, into=into, changes=changes
    )
    if batch.note:
        warnings.warn(batch.note, stacklevel=2)
    async with aclosing(batch.replies()) as replies:
        async for reply in replies:
            yield reply


class Batch:
    """Many items on their way.

    ``asker`` sends the turns, from this process where it is left out; ``on_result`` is told of each result as it comes,
    in whatever order.  ``first`` is a turn with what is the same for every item, where one was begun already.  ``note``
    is what the user should know before it begins, or ``""``.  ``failure`` is what ends it early: what the items or the
    file have raised.
    """

    def __init__(
        self,
        chat: Chat,
        items: Items,
        template: Template,
        first: Turn | None = None,
        *,
        concurrency: int = CONCURRENCY,
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
        self._asker = asker or Here(chat)
        self._on_result = on_result
        self._concurrency = concurrency if items.total is None else max(1, min(concurrency, items.total))
        self._window: deque[asyncio.Future[Reply]] = deque()
        self._pulled = 0
        self._answered = 0
        self.failure: BaseException | None = None
        self._is_exhausted = False
        self._moved = asyncio.Event()  # an item was pulled, or there are no more
        self._taken = asyncio.Event()  # the window has room
        self._pulling = asyncio.Lock()
        self._ledger: Ledger | None = None
        self._first = first or chat.begin(template.for_all(), history=False, **changes)  # raises what is wrong for all
        self._found = listing_once(self._first.found)
        self._first.on_wait = self.throttle.note_wait  # its endpoint is everybody's, and tells it of each wait
        if into is not None:
            self._ledger = Ledger(into, digest(*request_of(self._first)))
            if self._ledger.others:
                self.note = (
                    f"{into} holds {self._ledger.others:,} results of another request: the prompt, the model or a "
                    "setting has changed since. They stay in it, and their items are asked again"
                )

    async def replies(self) -> AsyncGenerator[Reply, None]:
        """Ask, and yield the replies in the items' order.  Raises what the items or the file raise, after the rest."""
        self.progress.started = time.monotonic()
        self._asker.begin(replace(self._chat.settings, **self._changes), self.throttle)
        if self._ledger is not None:
            self._ledger.begin()
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
            if self.failure is not None:
                raise self.failure
        finally:
            for worker in workers:
                worker.cancel()
            try:
                await asyncio.gather(*workers, return_exceptions=True)
                await self._asker.end()
            finally:  # a second Stop may come meanwhile
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
            except BaseException as error:  # an item's own code's, for one: it ends the run where the item stands
                # What would end the program goes that way too: out of a task it would end the kernel's loop at once.
                place.set_exception(error)
                place.exception()  # it counts as seen: an item before it may have ended the run already
                self._end()

    async def _pull(self) -> tuple[int, Any, asyncio.Future[Reply]] | None:
        """The next item, its position and where its reply is waited for; ``None`` where there are no more."""
        async with self._pulling:
            while len(self._window) >= _PULLED_AHEAD * self._concurrency:
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
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # the generator's own: it is raised when what came before it was told
            self._end(error)
            return _END

    def _end(self, failure: BaseException | None = None) -> None:
        self._is_exhausted = True
        self.failure = self.failure or failure
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
            key = self._ledger.key(*request_of(turn)) if self._ledger else ""
            found = self._ledger.find(key, turn) if self._ledger else None
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
        attempt = 0
        while True:
            answered = self._answered
            try:
                async with self.throttle:
                    reply = await self._asker.ask(turn)
                self._answered += 1
                return reply
            except AvaError as error:
                failure = error
            if failure.wait:  # the others would be refused, too
                self._end(failure)
            if failure.wait or failure.kind != "rate_limit":
                break
            self.throttle.slow("too many requests", 0.5 * 2**attempt)
            await self.throttle.until_open()
            if self._answered == answered or attempt == _ASKED_AGAIN:
                break
            attempt += 1
            turn = self._begin(prompt)  # others had an answer meanwhile: it was refused for their sake
        return replace(failure.reply or turn.reply(), error=failure.with_traceback(None), partial=True)

    def _begin(self, prompt: Any) -> Turn:
        return self._chat.begin(prompt, history=False, found=self._found, **self._changes)
