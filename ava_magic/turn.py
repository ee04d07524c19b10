"""One question on its way: asked, streamed, and told as a :class:`~ava_magic.Reply`.

An interruption and a failure are recorded here as what they are: what had arrived stays, and says how it ended.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from . import log
from .answers.structured import Demand, Misfit
from .arrival import Arrival
from .cassette.take import Asked, Ending, Take
from .cassette.tape import Live, open_tape
from .controls import counted
from .conversation.exchanges import Anchor, Exchange, Message
from .conversation.tokens import how_to_shorten, is_about_length
from .errors import AvaError, NotRecorded, raise_alone
from .models import with_models
from .providers.base import Delta, hang_up
from .providers.endpoint import Endpoint
from .providers.presets import resolve
from .providers.shape import Ask
from .reply import Reply
from .settings import Settings

__all__ = ["Turn"]


class Turn(Arrival):
    """One question on its way, and what has come for it.  A view reads its attributes while it runs.

    Attributes:
        messages: what is sent, the prompt last.
        left_out: how many turns of the conversation did not fit among them.
        follows: the ends of turns in the background that this one waits for, before its messages are chosen.
        found: the endpoint that the settings lead to; another turn of the same settings can begin with it.
        endpoint: who answers: the one that was found, or what stands in its place.
        on_wait: told ``(reason, seconds)`` before each wait for a retry.
        waiting: why and until when (``time.monotonic``) a retry is waited for, or ``None``.
        started: when the request was sent (``time.monotonic``), or ``None`` before that.
        partial: whether it ended before its end.
        is_kept: whether a conversation that it belongs to keeps it when it is over.
        is_report: whether it tells of the endpoint, and no model answers.
        failed: whether it ended by an error.
        ended: when it ended, in seconds since 1970; 0 before that.
        instead: the exchange of the conversation that it takes the place of, or ``None``.
        chat: the name of the conversation that it belongs to; ``None``: it is asked outside of every one.

    ``notes`` and the rest are those of an :class:`Arrival`.
    """

    def __init__(self, prompt: Any, settings: Settings, anchor: Anchor, found: Endpoint | None = None) -> None:
        super().__init__(settings.model)
        self.prompt = prompt
        self.settings = settings
        self.anchor = anchor
        self.instead: Exchange | None = None
        self.chat: str | None = None
        self.messages: list[Message] = []
        self.left_out = 0
        self.follows: list[Future[None]] = []
        self._waiting: tuple[str, float] | None = None
        self.on_wait: Callable[[str, float], None] | None = None
        self.started: float | None = None
        self.partial = False
        self.is_kept = True
        self.is_report = False
        self._demand: Demand | None = None
        self._data: Any = None
        self.failed = False
        self.ended = 0.0
        self._take: Take | None = None
        self._ending: Ending | None = None
        self._tape = open_tape(settings.record, settings.replay)
        self.found: Endpoint = found or self._tape.endpoint(self._find_endpoint)
        self.endpoint = self.found

    def ask_for_data(self, demand: Demand) -> None:
        """Let the reply be what ``demand`` says; to be called before its messages are chosen."""
        settings = self.settings
        fields = demand.fields if self.endpoint.takes_response_format else {}
        system = "\n\n".join(filter(None, [settings.system, demand.instruction]))
        self.settings = replace(settings, system=system, options={**fields, **settings.options})
        self.endpoint = replace(self.endpoint, ask=demand.asking(self.endpoint.ask))
        self._demand = demand
        if not demand.is_checked:
            self.notes.append("not checked: jsonschema is not installed")

    def data_in(self, text: str) -> Any:
        """What ``text`` holds, if it is the reply that was asked for as data.  Raises :class:`Misfit` where it is none.

        ``None`` where no data was asked for.
        """
        return None if self._demand is None else self._demand.read(text)

    async def stream(self) -> AsyncGenerator[str, None]:
        """Ask, and yield the content as it comes.  Raises :class:`AvaError`, with what had arrived."""
        self.started = time.monotonic()
        number = log.asking(self)
        deltas: AsyncIterator[Delta] | None = None
        failure: AvaError | None = None
        try:
            deltas = self._ask()
            async for delta in deltas:
                if answer := self.take_in(delta):
                    yield answer
            if answer := self.take_rest():
                yield answer
        except Exception as error:  # whatever a provider raises
            failure = await self._explain(error)
            self.partial = True
        except BaseException:  # a Stop, or what a provider would end the program by
            self.end_early()
            raise
        finally:
            seconds = self._since_start()
            if deltas is not None:
                await hang_up(deltas)
            stopped = self.partial and failure is None
            failure = self._end(Ending(seconds, self.thought_for, stopped, failure))
            if failure is not None:
                self.partial = True
                self.notes.append("broken off before its end")
            elif not self.partial:
                failure = self._read_data()
            self.ended = time.time()  # only now that it is known how: others look at it meanwhile
            log.ended(number, self, seconds, failure)
        if failure is not None:  # raised out here, so that it drags no frame along that held a key
            self.failed = True
            failure.reply = self.reply() if self.pieces or self.thoughts else None
            raise_alone(failure)

    def _read_data(self) -> AvaError | None:
        """Read the data that was asked for out of the whole reply; return the error to raise where there is none."""
        if self._demand is None:
            return None
        try:
            self._data = self._demand.read("".join(self.pieces))
        except Misfit as misfit:
            self.notes.append("not what was asked for")
            name = self._demand.name
            says = f"the answer is no {name}, after a second try: {misfit}; ask more exactly, or another model with -m"
            return AvaError(f"{self.endpoint.where}: {says}", "protocol")
        return None

    def report(self, ask: Ask) -> None:
        """Let ``ask`` answer in the endpoint's place, beside any cassette."""
        self.is_report = True
        self.endpoint = replace(self.endpoint, ask=ask)
        self._tape = Live()

    def end_early(self) -> None:
        """Mark what has come as stopped before its end."""
        if not self.partial:
            self.partial = True
            self.notes.append("stopped before its end")

    @property
    def waiting(self) -> tuple[str, float] | None:
        """Why and until when (``time.monotonic``) a retry is waited for, or ``None``."""
        return self._waiting if self._waiting and time.monotonic() < self._waiting[1] else None

    @property
    def thought_for(self) -> float:
        """Seconds from sending the request to the last of the thinking."""
        if self._ending is not None:
            return self._ending.thought_for
        return round(max(0.0, self.thought_until - (self.started or 0.0)), 3)

    def reply(self) -> Reply:
        """What has come so far, or in the end all of it."""
        text = "".join(self.pieces)
        notes = list(self.notes)
        if self.left_out:
            notes.insert(0, f"{counted(self.left_out, 'earlier turn')} left out")
        if self.refusal:
            notes.append("refused")
        elif not text and not self.partial:
            notes.append(f"empty reply: {self.unread} came, which is no text" if self.unread else "empty reply")
        return Reply(
            text=text,
            messages=tuple(self.messages),
            model=self.model,
            provider=self.endpoint.name,
            endpoint=self.endpoint.address,
            finish_reason=self.finish_reason,
            usage=self.usage,
            reasoning="".join(self.thoughts),
            refusal=self.refusal,
            data=self._data,
            format=self.settings.format,
            reasoning_seconds=self.thought_for,
            partial=self.partial,
            seconds=self._ending.seconds if self._ending is not None else self._since_start(),
            notes=tuple(notes),
        )

    def what_came(self) -> Reply | None:
        """The reply so far; ``None`` before the first word, and where it ended early with nothing."""
        ended_well = self.ended > 0 and not self.partial
        return self.reply() if self.pieces or self.thoughts or ended_well else None

    def _since_start(self) -> float:
        now = time.monotonic()
        return round(now - (now if self.started is None else self.started), 3)

    def _find_endpoint(self) -> Endpoint:
        return resolve(self.settings.provider, self.settings.connection(self._wait))

    def _ask(self) -> AsyncIterator[Delta]:
        settings = self.settings
        model, messages, fields = settings.model, self.messages, settings.request_fields()
        asked = Asked(model, messages, fields, settings.named_provider(), self.anchor, self.endpoint.key)
        self._take = self._tape.begin(asked, self.endpoint)
        self.endpoint = self._take.endpoint
        return self.endpoint.ask(model, messages, **fields)

    def _end(self, ending: Ending) -> AvaError | None:
        """Take down how the turn ended, which a recorded one knows better; return the failure that is to be raised."""
        self._ending = ending = ending if self._take is None else self._take.end(ending)
        if ending.stopped:
            self.end_early()
        if ending.note:
            self.notes.append(ending.note)
        return ending.failure

    def _wait(self, reason: str, seconds: float) -> None:
        self._waiting = (reason, time.monotonic() + seconds)
        if self.on_wait is not None:
            self.on_wait(reason, seconds)

    async def _explain(self, error: Exception) -> AvaError:
        from .failures import explain  # aiohttp is loaded by the first failure at the latest, not by %load_ext

        if isinstance(error, NotRecorded):
            return error
        try:
            failure = await with_models(explain(error, self.endpoint), self.endpoint, self.settings.model)
        except asyncio.CancelledError:
            self.end_early()
            raise
        if is_about_length(str(failure)):
            failure.advise(how_to_shorten(len(self.messages), self.settings.context_tokens))
            failure.kind = "bad_request"
        return failure
