"""One limit for many: an endpoint that wants fewer requests slows all who ask it, and the speed comes back.

As TCP does it (RFC 5681): half as many at once after a refusal, and a little more with each answer.
"""

from __future__ import annotations

import asyncio
import time

__all__ = ["Throttle"]

_GAIN = 0.25  # of one more at once, for each answer: back from half in about three rounds
_REFUSALS = ("429", "503")  # the status, which a reason to wait begins with (retry.reason_to_wait)


class Throttle:
    """``async with throttle``: at most ``most`` at once, or fewer for as long as the endpoint is short of room."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.allowed = float(most)
        self._inside = 0
        self._until = 0.0
        self._reason = ""
        self._left = asyncio.Event()

    @property
    def waiting(self) -> tuple[str, float] | None:
        """Why and until when (``time.monotonic``) nobody is let in, or ``None``."""
        return (self._reason, self._until) if time.monotonic() < self._until else None

    async def until_open(self) -> None:
        """Wait until somebody may be let in."""
        while (left := self._until - time.monotonic()) > 0:
            await asyncio.sleep(left)

    async def __aenter__(self) -> None:
        await self.until_open()
        while self._inside >= int(self.allowed):
            self._left.clear()
            await self._left.wait()
            await self.until_open()
        self._inside += 1

    async def __aexit__(self, *failure: object) -> None:
        self._inside -= 1
        if failure[0] is None and self.allowed < self._most:
            self.allowed = min(self._most, self.allowed + _GAIN)
        self._left.set()

    def note_wait(self, reason: str, seconds: float) -> None:
        """A request waits ``seconds`` for its next attempt: where the endpoint is short of room, so does everybody."""
        if reason.startswith(_REFUSALS):
            self.slow(reason, seconds)

    def slow(self, reason: str, seconds: float) -> None:
        """Let nobody in for ``seconds``, and half as many at once from now on; ``reason`` is shown."""
        now = time.monotonic()
        if now >= self._until:  # not one more refusal of those that were sent together
            self.allowed = max(1.0, self.allowed / 2)
        self._reason = reason
        self._until = max(self._until, now + seconds)
