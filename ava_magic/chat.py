"""A chat: prompts in, replies out, and the conversation that they make.

It knows no screen and no notebook.  The magics and a script use the same class::

    chat = Chat(provider="ollama", model="llama3.2")
    reply = await chat.ask("hi")

A question goes through a :class:`~ava_magic.turn.Turn`: begun (messages chosen, endpoint found), streamed, and then
kept in the conversation or not.  A turn that failed or came back empty leaves no trace; one that was stopped is kept as
partial.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import Future
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

from .answers.structured import Demand
from .cassette.tape import locate
from .connection import Key
from .conversation.conversation import Conversation
from .conversation.exchanges import Anchor, Exchange, Message, Rerun, Unanswered, fit
from .conversation.kept import exchange_of, spent_by
from .conversation.tokens import estimate_tokens
from .conversation.usage import Spending
from .errors import AvaError
from .providers.endpoint import Endpoint
from .providers.shape import Ask
from .reply import Reply
from .runner import until_over
from .settings import Settings
from .turn import Turn
from .values.content import Mixed, in_whole_characters, without_images

__all__ = ["Chat"]


class Chat:
    """A conversation with an endpoint.

    Args:
        provider: a name (``"auto"``, a preset, ``"codelink-ava"``, ``"guide"``, ``"package.module:Class"``), or a class
            or async generator function of a provider's shape.
        model: the model's name; ``""`` lets the endpoint choose.
        base_url: an OpenAI-compatible endpoint, or another address for the named provider.
        api_key: its key; left out, it is taken from the environment.
        system: the system message; ``""`` sends none.
        temperature: a field of the request, most often from 0 to 2; ``None`` leaves it to the endpoint.
        max_tokens: the longest reply, in tokens; ``None`` leaves it to the endpoint.
        timeout: seconds of silence after which a reply counts as dead.
        retries: how often a request is repeated before its first byte has come.
        context_tokens: how many tokens of the conversation are sent along, as
            :func:`~.conversation.tokens.estimate_tokens` counts them.
        rerun: whether a cell that is run again replaces its turn (``"replace"``) or adds one (``"append"``).
        options: further fields of the request's body.
        proxies: whether the proxies that the environment names are used (``https_proxy`` and the like).
        record: the path of a cassette, into which requests and what came back are written.
        replay: whether replies come from the cassette, and nothing is sent; ``None``: as ``AVA_REPLAY`` says.

    ``folder`` is where a relative path of a cassette begins: the working directory in which the chat was made.  What is
    wrong with an argument is told by the first question, which raises :class:`AvaError` (``config``).
    """

    def __init__(
        self,
        provider: str | type | Ask = "auto",
        model: str = "",
        base_url: str = "",
        api_key: str | None = None,
        system: str = "",
        temperature: float | None = None,
        max_tokens: int | None = None,
        timeout: float = 300.0,
        retries: int = 2,
        context_tokens: int = 16_000,
        rerun: Rerun = "replace",
        options: Mapping[str, Any] | None = None,
        proxies: bool = False,
        record: str | os.PathLike[str] = "",
        replay: bool | None = None,
    ) -> None:
        try:
            key = Key(api_key, "api_key") if api_key else None
        finally:
            del api_key  # a traceback shows the values of a frame
        self.settings = Settings(
            provider=provider,
            model=model,
            base_url=base_url,
            api_key=key,
            system=system,
            temperature=temperature,
            max_tokens=max_tokens,
            timeout=timeout,
            retries=retries,
            proxies=proxies,
            context_tokens=context_tokens,
            rerun=rerun,
            options={} if options is None else options,
            record=record,
            replay=replay,
        )
        self.folder = str(Path.cwd())
        self.conversation = Conversation()
        self.spending = Spending()
        self._ahead: list[Future[None]] = []

    def begin(
        self,
        prompt: Any,
        anchor: Anchor = Anchor(),
        *,
        history: bool = True,
        instead: Exchange | None = None,
        found: Endpoint | None = None,
        **changes: Any,
    ) -> Turn:
        """A turn for ``prompt``, not yet sent, which belongs to the cell at ``anchor``.

        ``prompt`` is a text, a :class:`~ava_magic.values.content.Mixed`, or the parts of OpenAI's content array.
        Without ``history`` the conversation is neither read nor extended.  ``instead`` is the exchange of the
        conversation that the new one takes the place of.  ``found`` is the endpoint of another turn of the same
        settings, which is not looked for again then.  ``changes`` are settings for this turn alone; two of them belong
        to a turn and not to a chat: ``format="json"`` asks for data, and ``schema`` says of which shape: a JSON Schema,
        a dataclass or a pydantic model.
        Raises :class:`AvaError` (``config``) where no endpoint fits.
        """
        settings = replace(self.settings, **changes)
        settings.check()
        settings = replace(_with_format(settings), record=locate(settings.record, self.folder))
        if taken := sorted({"model", "messages"} & settings.options.keys()):
            raise AvaError(f"an option cannot set {taken[0]}: the question does, and -m", "config")
        turn = Turn(prompt, settings, anchor, found)
        content = prompt.content(turn.endpoint.takes_images) if isinstance(prompt, Mixed) else prompt
        turn.prompt = in_whole_characters(content)
        if settings.format == "json":
            turn.ask_for_data(Demand(settings.schema))
        turn.instead = instead
        turn.chat = self.conversation.name if history else None
        turn.follows = list(self._ahead) if history else []
        self._compose(turn)
        return turn

    def line_up(self, over: Future[None]) -> None:
        """Let the turns that are begun from now on wait for one in the background, whose end is ``over``."""
        self._ahead.append(over)
        over.add_done_callback(self._ahead.remove)

    def _compose(self, turn: Turn) -> None:
        """Choose the messages that ``turn`` sends, from the conversation as it stands now."""
        settings = turn.settings
        instruction = in_whole_characters(settings.system)
        system: list[Message] = [{"role": "system", "content": instruction}] if instruction else []
        question: Message = {"role": "user", "content": turn.prompt}
        earlier: list[Exchange] = []
        if turn.chat is not None:
            room = settings.context_tokens - sum(estimate_tokens(m["content"]) for m in [*system, question])
            before = self.conversation.before(turn.anchor, settings.rerun, turn.instead)
            earlier, turn.left_out = fit(before, room)
        turn.messages = [*system, *(message for exchange in earlier for message in exchange.messages()), question]
        if not turn.endpoint.takes_images:
            turn.messages = without_images(turn.messages)

    async def run(self, turn: Turn) -> AsyncGenerator[str, None]:
        """Send a ``turn`` that was begun; yield its content as it comes, and keep it in its conversation if it has one.

        Raises :class:`AvaError`, whose ``reply`` is what had arrived.
        """
        kept = False
        try:
            if turn.follows:
                await until_over(*turn.follows)
                turn.follows = []
                self._compose(turn)
            async with aclosing(turn.stream()) as deltas:
                async for delta in deltas:
                    yield delta
            kept = True
        except (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt):
            kept = True
            raise
        finally:
            self._conclude(turn, kept=kept)

    async def stream(self, prompt: Any, *, history: bool = True, **changes: Any) -> AsyncGenerator[str, None]:
        """Ask ``prompt``; yield the content of the reply as it comes.

        ``history`` and ``changes`` are those of :meth:`begin`.  Raises :class:`AvaError`, whose ``reply`` is what had
        arrived.  To stop early, close it, as with ``aclosing``.
        """
        turn = self.begin(_question(prompt), history=history, **changes)
        async with aclosing(self.run(turn)) as deltas:
            async for delta in deltas:
                yield delta

    async def ask(self, prompt: Any, *, history: bool = True, **changes: Any) -> Reply:
        """Ask ``prompt`` and return the whole :class:`~ava_magic.Reply`.

        ``history`` and ``changes`` are those of :meth:`begin`.  Raises :class:`AvaError`, whose ``reply`` is what had
        arrived.
        """
        turn = self.begin(_question(prompt), history=history, **changes)
        await self.finish(turn)
        return turn.reply()

    async def finish(self, turn: Turn) -> None:
        """Send a ``turn`` that was begun, and take in its reply to the end.  Raises :class:`AvaError`."""
        async with aclosing(self.run(turn)) as deltas:
            async for _ in deltas:
                pass  # they stand in the turn

    def _conclude(self, turn: Turn, *, kept: bool) -> None:
        if (spent := spent_by(turn)).turns:
            self.spending.note(turn.chat or "none (-n)", turn.model or turn.endpoint.name, spent)
        if turn.chat is not None and turn.is_kept:
            self.keep(turn, came=kept)

    def keep(self, turn: Turn, *, came: bool = True) -> Exchange | None:
        """Let the conversation go on with a ``turn`` that is over; where nothing ``came``, only note that: ``None``."""
        exchange = exchange_of(turn)
        if came and exchange.reply.strip():  # services refuse messages of white space alone
            self.conversation.add(exchange, turn.settings.rerun, turn.instead)
            return exchange
        self.conversation.miss(Unanswered(turn.prompt, turn.anchor, turn.instead), turn.settings.rerun)
        return None


def _with_format(settings: Settings) -> Settings:
    """The settings with the format that their schema asks for: it is for JSON."""
    if settings.schema is None or settings.format == "json":
        return settings
    if settings.format != "markdown":
        raise AvaError(f"a schema is for the format json, not for {settings.format}", "config")
    return replace(settings, format="json")


def _question(prompt: Any) -> Any:
    """``prompt``, once it is sure that something is asked."""
    is_parts = isinstance(prompt, list) and prompt and all(isinstance(part, Mapping) for part in prompt)
    if is_parts or isinstance(prompt, Mixed) or (isinstance(prompt, str) and prompt.strip()):
        return prompt
    raise AvaError("nothing is asked: a question is a text, or a list of content parts, and not empty", "config")
