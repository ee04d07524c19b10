"""A model in this process, for what needs no network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from ava_magic import AvaError
from ava_magic.conversation.exchanges import Message

__all__ = ["Model"]


class Model:
    """A provider in this process: it says what it was asked, or what ``answer`` does with it; it counts and waits."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self.hung_up: list[str] = []
        self.held: dict[str, asyncio.Event] = {}
        self.failing: set[str] = set()

    async def ask(self, model: str, messages: list[Message], **options: Any) -> AsyncIterator[str]:
        prompt = str(messages[-1]["content"])
        self.asked.append(prompt)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        over = False
        try:
            await asyncio.sleep(0)
            if prompt in self.held:
                await self.held[prompt].wait()
            if prompt in self.failing:
                raise AvaError("no such thing", "bad_request")
            yield prompt.upper()
            over = True
        finally:
            self.at_once -= 1
            if not over:
                self.hung_up.append(prompt)
