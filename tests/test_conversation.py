"""The conversation: exchanges in order, the runs of a cell, and what of it is sent along."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_magic import AvaError
from ava_magic.conversation.conversation import Conversation
from ava_magic.conversation.exchanges import Anchor, Exchange, Unanswered, fit
from ava_magic.conversation.tokens import estimate_tokens


def exchange(prompt: str, cell: str | None = None, run: str = "") -> Exchange:
    return Exchange(prompt, f"re: {prompt}", Anchor(cell, run))


def prompts(exchanges: Sequence[Exchange]) -> list[str]:
    return [each.prompt for each in exchanges]


@pytest.fixture
def conversation() -> Conversation:
    """Three cells, run once each from top to bottom."""
    return Conversation([exchange("a", "A", "1"), exchange("b", "B", "2"), exchange("c", "C", "3")])


def test_exchanges_stand_in_the_order_in_which_they_were_added() -> None:
    conversation = Conversation()
    for prompt in ("one", "two", "three"):
        conversation.add(exchange(prompt))
    assert prompts(conversation) == ["one", "two", "three"]


def test_a_cell_run_again_replaces_its_turn_in_place(conversation: Conversation) -> None:
    conversation.add(exchange("a2", "A", "4"))
    assert prompts(conversation) == ["a2", "b", "c"]
    conversation.add(exchange("b2", "B", "5"))
    conversation.add(exchange("b3", "B", "6"))
    assert prompts(conversation) == ["a2", "b3", "c"]


def test_a_cell_run_again_replaces_all_turns_of_its_last_run() -> None:
    conversation = Conversation()
    for each in (exchange("a", "A", "1"), exchange("a'", "A", "1"), exchange("b", "B", "2")):
        conversation.add(each)
    conversation.add(exchange("a2", "A", "3"))
    assert prompts(conversation) == ["a2", "b"]
    conversation.add(exchange("a2'", "A", "3"))
    conversation.add(exchange("a2''", "A", "3"))
    assert prompts(conversation) == ["a2", "a2'", "a2''", "b"]


def test_turns_of_a_run_that_stand_apart_are_replaced_where_the_first_stood() -> None:
    conversation = Conversation([exchange("a", "A", "1"), exchange("b", "B", "2"), exchange("a'", "A", "3")])
    conversation.add(exchange("a2", "A", "4"))
    assert prompts(conversation) == ["a2", "b"]


def test_a_run_that_adds_nothing_takes_nothing_away(conversation: Conversation) -> None:
    conversation.before(Anchor("A", "4"))
    assert prompts(conversation) == ["a", "b", "c"]


def test_turns_of_no_cell_only_ever_follow() -> None:
    conversation = Conversation()
    for run in ("1", "2", "2"):
        conversation.add(exchange(f"in {run}", None, run))
    assert prompts(conversation) == ["in 1", "in 2", "in 2"]


def test_with_append_a_cell_run_again_adds_a_turn(conversation: Conversation) -> None:
    conversation.add(exchange("a2", "A", "4"), rerun="append")
    assert prompts(conversation) == ["a", "b", "c", "a2"]


@pytest.mark.parametrize(
    ("anchor", "earlier"),
    [
        (Anchor("A", "4"), []),
        (Anchor("B", "4"), ["a"]),
        (Anchor("C", "4"), ["a", "b"]),
        (Anchor("B", "2"), ["a", "b"]),
        (Anchor("D", "4"), ["a", "b", "c"]),
        (Anchor(None, "4"), ["a", "b", "c"]),
        (Anchor(), ["a", "b", "c"]),
    ],
)
def test_a_question_follows_what_stands_before_its_cell(
    conversation: Conversation, anchor: Anchor, earlier: list[str]
) -> None:
    assert prompts(conversation.before(anchor)) == earlier
    assert prompts(conversation.before(anchor, rerun="append")) == ["a", "b", "c"]
    assert prompts(conversation) == ["a", "b", "c"]


def test_a_rerun_does_not_see_what_it_replaces() -> None:
    conversation = Conversation([exchange("a", "A", "1"), exchange("b", "B", "2"), exchange("b'", "B", "2")])
    assert prompts(conversation.before(Anchor("B", "3"))) == ["a"]


@given(st.lists(st.tuples(st.sampled_from(["A", "B", "C", None]), st.integers(0, 3)), max_size=12))
def test_each_cell_holds_its_last_run_where_its_first_one_stood(runs: list[tuple[str | None, int]]) -> None:
    conversation = Conversation()
    places: dict[str, list[str]] = {}
    for number, (cell, turns) in enumerate(runs):
        place = cell or f"no cell {number}"
        earlier = list(places)[: list(places).index(place)] if place in places else list(places)
        expected = [prompt for name in earlier for prompt in places[name]]
        asked = [f"{number}.{turn}" for turn in range(turns)]
        for prompt in asked:
            anchor = Anchor(cell, str(number))
            assert prompts(conversation.before(anchor)) == expected
            conversation.add(Exchange(prompt, "", anchor))
            expected.append(prompt)
        if asked:
            places[place] = asked
    assert prompts(conversation) == [prompt for asked in places.values() for prompt in asked]


def test_reset_forgets_every_exchange(conversation: Conversation) -> None:
    conversation.reset()
    assert len(conversation) == 0
    assert conversation.before(Anchor("B", "4")) == []


def test_a_conversation_reads_as_a_sequence(conversation: Conversation) -> None:
    assert conversation[0].prompt == "a"
    assert conversation[-1].prompt == "c"
    assert isinstance(conversation[1:], Conversation)
    assert prompts(conversation[1:]) == ["b", "c"]
    assert conversation[1] in conversation
    with pytest.raises(IndexError):
        conversation[3]


@pytest.mark.parametrize(("turns", "words"), [(0, "0 turns"), (1, "1 turn"), (2, "2 turns")])
def test_its_repr_counts_the_turns(conversation: Conversation, turns: int, words: str) -> None:
    assert repr(conversation[:turns]) == f"<Conversation of {words}>"


def test_what_is_handed_out_or_taken_in_is_not_the_conversations_own_list(conversation: Conversation) -> None:
    conversation.before(Anchor()).clear()
    conversation[:].reset()
    given_list = [exchange("a")]
    other = Conversation(given_list)
    given_list.clear()
    assert (len(conversation), len(other)) == (3, 1)


def test_an_exchange_is_a_value_with_two_messages() -> None:
    each = Exchange("hi", "hello")
    assert each.messages() == [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
    with pytest.raises(dataclasses.FrozenInstanceError):
        each.reply = "other"  # type: ignore[misc]  # it is frozen


@pytest.mark.parametrize(
    ("content", "tokens"),
    [
        ("", 4),
        ("four", 5),
        ("x" * 400, 104),
        ("\u4e2d" * 4, 7),
        ("\ud800", 4),
        ([{"type": "text", "text": "x" * 400}], 110),
    ],
)
def test_tokens_are_estimated_by_bytes(content: object, tokens: int) -> None:
    assert estimate_tokens(content) == pytest.approx(tokens, abs=6 if isinstance(content, list) else 0)


def test_an_exchange_costs_both_its_messages() -> None:
    assert Exchange("x" * 40, "y" * 80).tokens() == 14 + 24


@given(st.lists(st.integers(0, 100).map(lambda size: Exchange("x" * size, "")), max_size=8), st.integers(-50, 300))
def test_as_many_whole_exchanges_from_the_end_as_fit_are_kept(exchanges: list[Exchange], budget: int) -> None:
    kept, left_out = fit(exchanges, budget)
    assert [*exchanges[:left_out], *kept] == exchanges
    assert sum(each.tokens() for each in kept) <= max(budget, 0)
    if left_out:
        assert sum(each.tokens() for each in exchanges[left_out - 1 :]) > budget


def test_undo_takes_back_the_last_change_of_whatever_kind(conversation: Conversation) -> None:
    conversation.add(exchange("d", "D", "4"))
    conversation.add(exchange("a2", "A", "5"))
    conversation.miss(Unanswered("b2", Anchor("B", "6")))
    conversation.reset()
    conversation.become([exchange("x")], "the load of x.json")
    assert conversation.undo() == ["the load of x.json"]
    assert conversation.undo() == ["the reset"]
    assert [each.aside for each in conversation] == [False, True, False, False]
    assert conversation.undo() == ["the failed rerun \u201cb2\u201d"]
    assert [each.aside for each in conversation] == [False] * 4
    assert conversation.undo() == ["the rerun \u201ca2\u201d"]
    assert prompts(conversation) == ["a", "b", "c", "d"]
    assert conversation.undo() == ["the turn \u201cd\u201d"]
    assert conversation.undo() == []
    assert prompts(conversation) == ["a", "b", "c"]


def test_an_undo_after_an_undo_goes_a_step_further_back() -> None:
    conversation = Conversation()
    for prompt in "abcd":
        conversation.add(exchange(prompt))
    assert len(conversation.undo(2)) == 2
    assert prompts(conversation) == ["a", "b"]
    assert len(conversation.undo(100)) == 2
    assert prompts(conversation) == []


def test_a_hundred_changes_are_remembered() -> None:
    conversation = Conversation()
    for number in range(150):
        conversation.add(exchange(str(number)))
    assert len(conversation.undo(1_000)) == 100
    assert len(conversation) == 50


def test_a_rerun_without_an_answer_keeps_the_former_turns_and_does_not_send_them(conversation: Conversation) -> None:
    conversation.add(exchange("b'", "B", "2"))
    conversation.miss(Unanswered("b2", Anchor("B", "4")))
    assert prompts(conversation) == ["a", "b", "b'", "c"]
    assert prompts(conversation.before(Anchor())) == ["a", "c"]
    assert [message["content"] for message in conversation.to_openai()[::2]] == ["a", "c"]
    conversation.add(exchange("b3", "B", "5"))
    assert prompts(conversation) == prompts(conversation.before(Anchor())) == ["a", "b3", "c"]


def test_a_rerun_that_fails_after_its_first_turn_leaves_that_turn_and_no_former_one(conversation: Conversation) -> None:
    conversation.add(exchange("b'", "B", "2"))
    conversation.add(exchange("b2", "B", "4"))
    conversation.miss(Unanswered("b2'", Anchor("B", "4")))
    assert prompts(conversation) == prompts(conversation.in_use()) == ["a", "b2", "c"]


@pytest.mark.parametrize("anchor", [Anchor("D", "4"), Anchor(None, "4"), Anchor("B", "2")])
def test_a_question_without_an_answer_changes_nothing_elsewhere(conversation: Conversation, anchor: Anchor) -> None:
    conversation.miss(Unanswered("x", anchor))
    assert prompts(conversation.in_use()) == ["a", "b", "c"]
    assert conversation.undo() == []


def test_with_append_a_rerun_without_an_answer_sets_nothing_aside(conversation: Conversation) -> None:
    conversation.miss(Unanswered("b2", Anchor("B", "4")), rerun="append")
    assert prompts(conversation.in_use()) == ["a", "b", "c"]


def test_the_last_question_is_the_one_that_was_asked_last() -> None:
    conversation = Conversation()
    assert conversation.last_question() is None
    conversation.add(Exchange("a", "1", Anchor("A", "1"), at=30.0))
    conversation.add(Exchange("b", "1", Anchor("B", "2"), at=20.0))
    assert conversation.last_question() == Unanswered("a", Anchor("A", "1"), conversation[0])
    conversation.miss(Unanswered("c", Anchor("C", "3")))
    assert conversation.last_question() == Unanswered("c", Anchor("C", "3"))
    conversation.add(Exchange("d", "1", at=40.0))
    assert conversation.last_question() == Unanswered("d", Anchor(), conversation[2])
    conversation.undo()
    assert conversation.last_question() == Unanswered("a", Anchor("A", "1"), conversation[0])


def test_an_undo_of_nothing_leaves_the_last_question() -> None:
    conversation = Conversation()
    conversation.miss(Unanswered("a", Anchor("A", "1")))
    assert conversation.undo() == []
    assert conversation.last_question() == Unanswered("a", Anchor("A", "1"))


def test_the_number_of_the_prompt_is_for_people_and_tells_no_runs_apart() -> None:
    assert Anchor("A", "1", 3) == Anchor("A", "1", 9) != Anchor("A", "2", 3)


def test_an_answer_instead_of_another_takes_its_place_alone() -> None:
    conversation = Conversation([exchange("a", "A", "1"), exchange("b", "A", "1"), exchange("c", "B", "2")])
    former = conversation[1]
    assert prompts(conversation.before(former.anchor, instead=former)) == ["a"]
    conversation.add(Exchange("b", "better", former.anchor), instead=former)
    assert [each.reply for each in conversation] == ["re: a", "better", "re: c"]
    conversation.add(Exchange("b", "late", former.anchor), instead=former)
    assert [each.reply for each in conversation] == ["re: a", "better", "late", "re: c"]


def test_it_goes_to_openais_messages_and_back(conversation: Conversation) -> None:
    settings = [{"role": role, "content": "be brief"} for role in ("system", "developer")]
    messages: list[Any] = [*settings, *conversation.to_openai()]
    again = Conversation.from_openai(messages, name="again")
    assert again.to_openai() == conversation.to_openai()
    assert again.name == "again"


def test_parts_of_a_message_are_taken_from_openais_messages() -> None:
    parts = [{"type": "text", "text": "so"}, {"type": "text", "text": " it is"}]
    [each] = Conversation.from_openai([{"role": "user", "content": parts}, {"role": "assistant", "content": parts}])
    assert (each.prompt, each.reply) == (parts, "so it is")


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([{"role": "assistant", "content": "hi"}], "message 1 should be the user's"),
        ([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}], "message 2 should be the assistant's"),
        ([{"role": "user", "content": "a"}, {"role": "assistant", "content": None}], "with a content"),
        ([{"role": "user", "content": "a"}], "the last message has no reply"),
        (["user: hi"], "message 1"),
        ([{"role": "tool", "content": "x"}], "message 1"),
    ],
)
def test_messages_that_are_no_conversation_are_refused_in_one_line(messages: Any, words: str) -> None:
    with pytest.raises(AvaError, match=words) as caught:
        Conversation.from_openai(messages)
    assert caught.value.kind == "config"


def test_it_is_pickled_and_copied_with_its_changes(conversation: Conversation) -> None:
    conversation.add(exchange("d"))
    for other in (pickle.loads(pickle.dumps(conversation)), copy.deepcopy(conversation)):
        assert other == conversation
        assert other.undo() == ["the turn \u201cd\u201d"]
        assert len(conversation) == 4


def test_two_conversations_are_equal_when_their_turns_are(conversation: Conversation) -> None:
    assert conversation == Conversation(list(conversation), name="other")
    assert conversation != conversation[1:]
    assert conversation != list(conversation)


def test_it_prints_as_a_person_reads_it(conversation: Conversation) -> None:
    assert "you: b" in str(conversation)
    assert set(conversation._repr_mimebundle_()) == {"text/plain", "text/html"}


def test_an_image_counts_as_a_thousand_tokens_whatever_its_size() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 400_000}}
    assert 1_000 < estimate_tokens([{"type": "text", "text": "what is it?"}, image]) < 1_020


def test_a_turn_follows_those_of_its_own_run_and_takes_the_place_of_every_earlier_one() -> None:
    conversation = Conversation([exchange("a", "A", "1"), exchange("b", "B", "2"), exchange("a2", "A", "3")])
    conversation.add(exchange("c", "C", "4"))
    assert prompts(conversation.before(Anchor("A", "3"))) == ["b", "a2"]
    conversation.add(exchange("a2'", "A", "3"))
    assert prompts(conversation) == ["b", "a2", "a2'", "c"]


def test_an_answer_that_fails_to_replace_another_sets_nothing_aside() -> None:
    conversation = Conversation([exchange("a", "A", "1"), exchange("a2", "A", "2")])
    conversation.miss(Unanswered("a2", Anchor("A", "2"), conversation[1]))
    assert prompts(conversation.in_use()) == ["a", "a2"]


def test_a_run_that_failed_and_added_nothing_sets_its_cells_former_turns_aside(conversation: Conversation) -> None:
    conversation.end_in_vain(Anchor("B", "2"))  # this run added one
    conversation.end_in_vain(Anchor("D", "4"))
    assert prompts(conversation.in_use()) == ["a", "b", "c"]
    conversation.end_in_vain(Anchor("B", "4"))
    conversation.end_in_vain(Anchor("B", "5"))
    assert prompts(conversation.in_use()) == ["a", "c"]
    assert conversation.undo(9) == ["the failed rerun \u201cb\u201d"]


def test_a_turn_that_is_kept_while_another_change_is_under_way_is_not_lost(
    conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn in the background is kept by a thread of its own."""
    background = threading.Thread(target=conversation.add, args=[exchange("d", "D", "4")])
    change = Conversation._change

    def after_the_other(self: Conversation, what: str, exchanges: list[Exchange]) -> None:
        if threading.current_thread() is not background:
            background.start()
            background.join(0.1)  # it ends by then if nothing keeps it out
        change(self, what, exchanges)

    monkeypatch.setattr(Conversation, "_change", after_the_other)
    conversation.end_in_vain(Anchor("B", "5"))
    background.join()
    assert prompts(conversation) == ["a", "b", "c", "d"]
    assert conversation.undo() == ["the turn \u201cd\u201d"]
