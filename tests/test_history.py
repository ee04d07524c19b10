"""How a conversation and its cost are shown: the same in a terminal and in a notebook, and safe in both."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from ava_magic.controls import counted
from ava_magic.conversation.conversation import Conversation
from ava_magic.conversation.exchanges import Anchor, Exchange
from ava_magic.conversation.history import History, age
from ava_magic.conversation.listing import Listing
from ava_magic.conversation.usage import Spending, Spent


def talk() -> Conversation:
    """Four turns, as old as they say: ages are told from now on."""
    now = time.time()
    turns = [
        Exchange("old?", "yes", Anchor("A", "1", 3), model="m-1", at=now - 7_500, counts=(4, 5)),
        Exchange("failed since?", "it has", Anchor("B", "2", 4), model="m-1", at=now - 7_400, aside=True),
        Exchange("half?", "ha", Anchor("cell-of-a-long-name", "3"), partial=True, provider="p", at=now - 200),
        Exchange("new?", "no", at=now - 300),
    ]
    return Conversation(turns, name="review")


def cells(history: History | Listing) -> list[list[str]]:
    html = history._repr_mimebundle_()["text/html"]
    return [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in html.split("<tr>")[2:]]


def test_every_turn_tells_where_it_is_from_and_whether_it_is_sent() -> None:
    assert cells(History(talk(), left_out=1)) == [
        ["1", "In [3]", "old?", "yes", "m-1", "9", "2 h ago", "not sent: no room in context_tokens"],
        ["2", "In [4]", "failed since?", "it has", "m-1", "about 12", "2 h ago", "not sent: its cell has failed since"],
        ["3", "cell-of-", "half?", "ha", "p", "about 9", "3 min ago", "sent (stopped)"],
        ["4", "", "new?", "no", "", "about 9", "5 min ago", "sent (older than what it follows)"],
    ]


def test_a_terminal_shows_the_same() -> None:
    text = str(History(talk(), left_out=1))
    for row in cells(History(talk(), left_out=1)):
        assert all(fact in text for fact in row)
    assert text.split("\n")[1:4] == [
        "1. In [3] \u00b7 m-1 \u00b7 9 tokens \u00b7 2 h ago \u00b7 not sent: no room in context_tokens",
        "   you: old?",
        "   m-1: yes",
    ]


def test_its_columns_have_names() -> None:
    heads = re.findall(r"<th\b[^>]*>(.*?)</th>", History(talk())._repr_mimebundle_()["text/html"])
    assert heads == ["#", "cell", "you", "reply", "model", "tokens", "age", "sent now"]


def test_its_first_line_sums_it_up() -> None:
    words = "Conversation review: 4 turns, about 27 tokens. The next question takes 2 turns of it along."
    assert str(History(talk(), left_out=1)).split("\n")[0] == words
    assert "takes all of it along" in str(History(talk()[2:]))
    assert str(History(Conversation(name="review"))) == "The conversation review is empty."


def test_a_long_conversation_is_shown_from_its_end() -> None:
    long = Conversation([Exchange(f"question {n}", "x") for n in range(1_000)])
    shown = cells(History(long))
    assert (len(shown), shown[0][0], shown[-1][0]) == (200, "801", "1000")
    assert "These are the last 200." in str(History(long))


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", "$\\href{x}{y}$", "\x1b[31mred", "a\u202eb", "two\nlines"]
)
def test_nothing_of_a_turn_is_obeyed(hostile: str) -> None:
    turns = Conversation([Exchange(hostile, hostile, Anchor(hostile), model=hostile, provider=hostile)], name=hostile)
    bundle = History(turns)._repr_mimebundle_()
    assert "<script" not in bundle["text/html"]
    assert not re.search("[\x1b\u202e]|\nlines", bundle["text/html"] + bundle["text/plain"])
    assert "$\\href" not in bundle["text/html"]


class Huge(str):
    """A text of which nobody should look at more than the beginning."""

    def split(self, *arguments: Any) -> Any:
        raise AssertionError("all of it is read")


def test_a_huge_turn_is_not_read_through() -> None:
    turns = Conversation([Exchange(Huge("x" * 5_000), Huge("y " * 5_000), counts=(1, 1))])
    assert len(str(History(turns))) < 600


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (172_800, "2 days")],
)
def test_an_age_is_told_in_one_unit(seconds: float, words: str) -> None:
    assert age(seconds) == words


def test_a_number_agrees_with_its_noun() -> None:
    assert [counted(n, "turn") for n in (0, 1, 1_000)] == ["0 turns", "1 turn", "1,000 turns"]


def test_what_was_spent_is_summed_by_conversation_and_model() -> None:
    spending = Spending()
    spending.note("main", "m-1", Spent(1, 10, 20))
    spending.note("main", "m-1", Spent(1, 1, 2, estimated=True))
    spending.note("review", "m-2", Spent(1, 1_000, 2_000))
    assert cells(spending.listing()) == [
        ["main", "m-1", "2", "about 11", "about 22"],
        ["review", "m-2", "1", "1,000", "2,000"],
        ["together", "", "3", "about 1,011", "about 2,022"],
    ]
    assert cells(spending.listing("review")) == [["review", "m-2", "1", "1,000", "2,000"]]
    assert "about" in str(spending.listing())
    assert "about" not in str(spending.listing("review"))
    assert str(Spending().listing()) == "0 turns answered since the extension was loaded."


def test_a_tables_columns_are_aligned_in_text() -> None:
    text = str(Listing("What:", ("name", "n"), [("a", "1"), ("long name", "1,000")], ("n",)))
    assert text.split("\n") == ["What:", "name           n", "a              1", "long name  1,000"]
