"""The names of an endpoint's models for completion: fetched in the background, kept for a while."""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..runner import in_thread

if TYPE_CHECKING:
    from ..providers.endpoint import Endpoint

__all__ = ["ModelNames"]

_PATIENCE = 0.25  # seconds that a Tab waits: what comes later is there at the next one
_LASTS = 300.0
_FAILURE_LASTS = 10.0


@dataclass
class _Fetch:
    """One list: on its way until ``over`` is done, and then good for a while."""

    names: list[str] = field(default_factory=list)
    ended: float = 0.0
    over: Future[None] = field(init=False)

    def is_stale(self) -> bool:
        lasts = _LASTS if self.names else _FAILURE_LASTS
        return self.over.done() and time.monotonic() - self.ended > lasts


class ModelNames:
    """The lists of models that were asked for, by the address of their endpoint."""

    def __init__(self) -> None:
        self._fetches: dict[str, _Fetch] = {}
        self._ready: Future[None] | None = None

    def get_ready(self) -> Future[None]:
        """Load what a fetch takes, in the background: it would hold up a Tab for longer than the fetch itself."""
        if self._ready is None:
            _, self._ready = in_thread(_load, contextvars.Context())
        return self._ready

    def of(self, find: Callable[[], Endpoint]) -> list[str]:
        """The names at the endpoint that ``find`` gives, within a quarter of a second.

        Empty where they are not there yet, where there is no such endpoint, and where it tells none.
        """
        until = time.monotonic() + _PATIENCE
        try:
            self.get_ready().result(_PATIENCE)
            endpoint = find()
            fetch = self._fetches.get(endpoint.url)
            if fetch is None or fetch.is_stale():
                fetch = self._fetches[endpoint.url] = _begin(endpoint)
            fetch.over.result(until - time.monotonic())
        except Exception:  # it takes longer, or fails in whatever way: a question will say how, a Tab does not
            return []
        return fetch.names


async def _load() -> None:
    from .. import chat, transport  # noqa: F401  # to have them loaded is all


def _begin(endpoint: Endpoint) -> _Fetch:
    fetch = _Fetch()

    async def work() -> None:
        try:
            if endpoint.list_models is not None:
                fetch.names = await endpoint.list_models()
        finally:
            fetch.ended = time.monotonic()

    _, fetch.over = in_thread(work, contextvars.Context())
    return fetch
