"""A notebook at work: cells that run, run again, stop and fail, and what is done to the conversation in between.

Beside the real :class:`Chat` stands a plain model: a list of slots, one for each cell, each with the turns of its last
run.  After every step both must hold the same, and what was sent must be what the model says.
"""

from __future__ import annotations

import asyncio
import copy
import tempfile
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ava_magic import AvaError, Chat
from ava_magic.conversation.exchanges import Anchor, Rerun
from ava_magic.conversation.files import load, save

from .waiting import until

KEEPING = ("whole", "stopped")  # the outcomes of a turn that is kept
OUTCOMES = (*KEEPING, "empty", "blank", "fails", "breaks off", "stopped early")


@dataclass
class Slot:
    """What the model knows of one cell: its last run, with each turn's prompt and when it was asked, and those of the
    turns that are not sent since a later run failed."""

    cell: str | None
    run: str
    turns: list[tuple[str, int]] = field(default_factory=list)
    aside: list[tuple[str, int]] = field(default_factory=list)


@dataclass
class Asked:
    """The question that the model would ask again; ``turn`` is the one whose place it would take."""

    prompt: str
    cell: str | None
    run: str
    turn: tuple[str, int] | None = None


class Notebook(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.chat = Chat(provider=self.provider, context_tokens=10**9)
        self.outcome = ""
        self.messages: list[Any] = []
        self.slots: list[Slot] = []
        self.before_changes: list[list[Slot]] = []
        self.unanswered: Asked | None = None
        self.saved: dict[str, list[Slot]] = {}
        self.clock = 0

    def teardown(self) -> None:
        self.runner.close()
        self.folder.cleanup()

    async def provider(self, model: str, messages: list[Any], **kwargs: Any) -> AsyncIterator[str]:
        self.messages = messages
        if self.outcome == "stopped early":
            await asyncio.Event().wait()
        if self.outcome == "fails":
            raise AvaError("no", "server")
        if self.outcome == "blank":
            yield " \n"
        if self.outcome in ("whole", "breaks off", "stopped"):
            yield "words"
        if self.outcome == "breaks off":
            raise AvaError("no more", "truncated")

    @rule(
        cell=st.sampled_from(["A", "B", "C", "D", None]),
        outcomes=st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=3),
        rerun=st.sampled_from(["replace", "replace", "replace", "append"]),
    )
    def run_a_cell(self, cell: str | None, outcomes: list[str], rerun: Rerun) -> None:
        """A cell whose code asks once or several times, and goes on after a failure."""
        run = f"run {self.clock}"
        for outcome in outcomes:
            self.clock += 1
            question = Asked(f"question {self.clock}", cell, run)
            self.ask(question, outcome, rerun)
            self.settle(question, outcome, rerun)

    @rule(outcome=st.sampled_from(OUTCOMES))
    def retry(self, outcome: str) -> None:
        question = self.chat.conversation.last_question()
        expected = self.unanswered or self.newest()
        assert (question is None) == (expected is None)
        if question is None or expected is None:
            return
        self.clock += 1
        assert question.prompt == expected.prompt
        assert question.anchor == Anchor(expected.cell, expected.run)
        self.ask(expected, outcome, "replace", instead=question.instead)
        self.settle(expected, outcome, "replace")

    @rule(steps=st.integers(1, 3))
    def undo(self, steps: int) -> None:
        undone = self.chat.conversation.undo(steps)
        assert len(undone) == min(steps, len(self.before_changes))
        for _ in undone:
            self.slots = self.before_changes.pop()
            self.unanswered = None

    @rule()
    def reset(self) -> None:
        was_empty = not self.chat.conversation
        self.chat.conversation.reset()
        if was_empty:
            self.unanswered = None
        else:
            self.change([])

    @rule(name=st.sampled_from(["x.json", "x.md"]))
    def save(self, name: str) -> None:
        path = Path(self.folder.name, name)
        if not self.slots:
            with suppress(AvaError):
                save(self.chat.conversation, path)
                raise AssertionError("an empty conversation was saved")
            return
        save(self.chat.conversation, path)
        self.saved[name] = copy.deepcopy(self.slots)

    @rule(name=st.sampled_from(["x.json", "x.md"]))
    def load(self, name: str) -> None:
        if name in self.saved:
            self.chat.conversation.become(load(Path(self.folder.name, name)), "the load")
            self.change(copy.deepcopy(self.saved[name]))

    @invariant()
    def both_hold_the_same_turns(self) -> None:
        expected = [(t[0], slot.cell, slot.run, t in slot.aside) for slot in self.slots for t in slot.turns]
        held = [(e.prompt, e.anchor.cell, e.anchor.run, e.aside) for e in self.chat.conversation]
        assert held == expected
        assert all(exchange.reply == "words" for exchange in self.chat.conversation)

    def ask(self, question: Asked, outcome: str, rerun: Rerun, **place: Any) -> None:
        """Ask for real, and compare what goes out with the model."""
        expected = self.sent_before(question, rerun)
        self.outcome = outcome
        self.runner.run(self.really_ask(question, outcome, rerun, **place))
        roles = [message["role"] for message in self.messages]
        assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]
        assert [message["content"] for message in self.messages[::2]] == [*expected, question.prompt]

    async def really_ask(self, question: Asked, outcome: str, rerun: Rerun, **place: Any) -> None:
        turn = self.chat.begin(question.prompt, Anchor(question.cell, question.run), rerun=rerun, **place)
        if outcome == "stopped early":
            task = asyncio.ensure_future(self.chat.finish(turn))
            await until(lambda: turn.started)
            task.cancel()
            await asyncio.wait([task])
        elif outcome == "stopped":
            async with aclosing(self.chat.run(turn)) as deltas:
                await anext(deltas)
        else:
            with suppress(AvaError):
                await self.chat.finish(turn)

    def settle(self, question: Asked, outcome: str, rerun: Rerun) -> None:
        """What the turn does to the model."""
        kept = outcome in KEEPING
        turn = (question.prompt, self.clock)
        if question.turn is not None:
            if kept:
                self.change([self.replaced(slot, question.turn, turn) for slot in self.slots])
            else:
                self.unanswered = question
            return
        former = self.former(question, rerun)
        if kept and rerun == "append":
            self.change([*self.slots, Slot(question.cell, question.run, [turn])])
        elif kept:
            self.change(self.with_turn(question, turn, former))
        else:
            if any(slot.aside != slot.turns for slot in former):
                self.change([replace(slot, aside=slot.turns) if slot in former else slot for slot in self.slots])
            self.unanswered = question

    def with_turn(self, question: Asked, turn: tuple[str, int], former: list[Slot]) -> list[Slot]:
        slots = [slot for slot in self.slots if slot not in former]
        own = [slot for slot in slots if question.cell and (slot.cell, slot.run) == (question.cell, question.run)]
        if own:
            return [replace(s, turns=[*s.turns, turn]) if s is own[-1] else s for s in slots]
        place = self.slots.index(former[0]) if former else len(slots)
        return [*slots[:place], Slot(question.cell, question.run, [turn]), *slots[place:]]

    def former(self, question: Asked, rerun: Rerun) -> list[Slot]:
        if question.cell is None or rerun == "append":
            return []
        return [slot for slot in self.slots if slot.cell == question.cell and slot.run != question.run]

    def sent_before(self, question: Asked, rerun: Rerun) -> list[str]:
        slots = self.slots
        if question.turn is not None:
            earlier = [t for slot in slots for t in slot.turns]
            aside = [t for slot in slots for t in slot.aside]
            return [t[0] for t in earlier[: earlier.index(question.turn)] if t not in aside]
        former = self.former(question, rerun)
        own = [slot for slot in slots if question.cell and (slot.cell, slot.run) == (question.cell, question.run)]
        if own and rerun == "replace":
            slots = [slot for slot in slots[: slots.index(own[-1]) + 1] if slot not in former]
        elif former:
            slots = slots[: slots.index(former[0])]
        return [t[0] for slot in slots for t in slot.turns if t not in slot.aside]

    def replaced(self, slot: Slot, old: tuple[str, int], new: tuple[str, int]) -> Slot:
        if old not in slot.turns:
            return slot
        turns = [new if turn == old else turn for turn in slot.turns]
        return replace(slot, turns=turns, aside=[turn for turn in slot.aside if turn != old])

    def newest(self) -> Asked | None:
        turns = [(turn, slot) for slot in self.slots for turn in slot.turns]
        if not turns:
            return None
        turn, slot = max(turns, key=lambda pair: pair[0][1])
        return Asked(turn[0], slot.cell, slot.run, turn)

    def change(self, slots: list[Slot]) -> None:
        self.before_changes.append(self.slots)
        self.slots = slots
        self.unanswered = None


Notebook.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestNotebook = Notebook.TestCase
