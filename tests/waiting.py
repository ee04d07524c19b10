"""Waiting for what a coroutine or a thread will have done, but not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["until"]


async def until(happened: Callable[[], object], seconds: float = 20) -> None:
    """Let the loop turn until ``happened()``; fail after ``seconds``."""
    async with asyncio.timeout(seconds):
        while not happened():
            await asyncio.sleep(0)
