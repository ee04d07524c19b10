"""One limit for many: how far a refusal slows them all down, and how the speed comes back."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest

from ava_magic.many.throttle import Throttle

from .waiting import until


async def pass_through(throttle: Throttle, failure: Exception | None = None) -> None:
    with contextlib.suppress(ValueError):
        async with throttle:
            if failure is not None:
                raise failure


def test_each_refusal_halves_what_is_allowed_down_to_one() -> None:
    throttle = Throttle(8)
    allowed = []
    for _ in range(4):
        throttle.slow("429", 0)
        allowed.append(throttle.allowed)
    assert allowed == [4, 2, 1, 1]


def test_refusals_of_what_was_sent_together_count_once_and_the_longest_wait_holds() -> None:
    throttle = Throttle(8)
    for seconds in (60, 600, 6):
        throttle.slow(f"429 for {seconds}", seconds)
    assert throttle.allowed == 4
    assert throttle.waiting is not None
    reason, until_when = throttle.waiting
    assert reason == "429 for 6"
    assert time.monotonic() + 500 < until_when < time.monotonic() + 600


async def test_each_answer_lets_a_quarter_more_in_and_a_failure_none() -> None:
    throttle = Throttle(2)
    throttle.slow("429", 0)
    await pass_through(throttle, ValueError("no"))
    allowed = [throttle.allowed]
    for _ in range(5):
        await pass_through(throttle)
        allowed.append(throttle.allowed)
    assert allowed == [1, 1.25, 1.5, 1.75, 2, 2]


@pytest.mark.parametrize(
    ("reason", "slows"), [("429 slow down", True), ("503", True), ("500", False), ("no connection", False)]
)
def test_only_an_endpoint_that_is_short_of_room_slows_all(reason: str, slows: bool) -> None:
    throttle = Throttle(8)
    throttle.note_wait(reason, 60)
    assert (throttle.waiting is not None) is slows
    assert throttle.allowed == (4 if slows else 8)


async def test_no_more_are_inside_than_are_allowed_and_each_that_leaves_lets_one_in() -> None:
    throttle = Throttle(5)
    throttle.slow("429", 0)  # two and a half are two
    doors = [asyncio.Event() for _ in range(6)]
    inside: list[int] = []

    async def stay(number: int) -> None:
        async with throttle:
            inside.append(number)
            await doors[number].wait()
            raise ValueError("leaves, and adds nothing to what is allowed")

    visits = [asyncio.ensure_future(stay(number)) for number in range(6)]
    for number, door in enumerate(doors):
        await until(lambda number=number: len(inside) == min(number + 2, 6))  # type: ignore[misc]  # mypy infers no default
        await asyncio.sleep(0)
        assert inside == list(range(min(number + 2, 6)))
        door.set()
    assert all(isinstance(end, ValueError) for end in await asyncio.gather(*visits, return_exceptions=True))
