"""The prompt of many items: what is the same for all is told once, and only what was typed is filled for each."""

from __future__ import annotations

from typing import Any

import pytest

from ava_magic import AvaError
from ava_magic.many.template import Template, Words
from ava_magic.prompt.question import Question


class Counting(Words):
    """Counts the values that it shows."""

    def __init__(self) -> None:
        self.shown: list[Any] = []

    def text(self, value: Any) -> str | None:
        self.shown.append(value)
        return super().text(value)


def text_for(template: Template, item: Any) -> Any:
    return template.for_item(item).content(takes_images=False)


def test_what_is_the_same_for_all_is_described_once() -> None:
    display, other = Counting(), {"a": 1}
    template = Template("{other} {item}", {"other": other}, display)
    assert [text_for(template, item) for item in ("x", "y")] == ["{'a': 1} x", "{'a': 1} y"]
    assert display.shown == [other]


@pytest.mark.parametrize(
    ("prompt", "sent"),
    [
        ("{other}{item}", "{item}x"),  # a value that looks like a field is not read again
        ("{{other}} {item}", "{other} x"),
        ("{{item}} {item}", "{item} x"),
        ("{{{other}}}{{{item}}}", "{{item}}{x}"),
        ('{nested["{item}"]} {item}', "in x"),
        ('{{nested["{item}"]}} {item}', '{nested["{item}"]} x'),
        ("{nested.nothing} {nowhere} {item}", "{nested.nothing} {nowhere} x"),
        ("{item}, {item!r}", "x, 'x'"),
    ],
)
def test_braces_mean_what_they_mean_in_one_question(prompt: str, sent: str) -> None:
    names = {"other": "{item}", "nested": {"{item}": "in"}, "item": "not this"}
    assert text_for(Template(prompt, names, Words()), "x") == sent


def test_each_question_is_checked() -> None:
    def check(question: Question) -> None:
        if "secret" in str(question.content(takes_images=False)):
            raise AvaError("no", "config")

    template = Template("{item}", {}, Words(), check=check)
    assert text_for(template, "x") == "x"
    with pytest.raises(AvaError, match="no"):
        template.for_item("a secret")


def test_a_class_of_a_cell_is_told_by_its_source_as_an_item_too() -> None:
    kind = type("Empty", (), {"__module__": "__main__"})
    cell = "class Empty:\n    pass"
    assert text_for(Template("{item}", {"_ih": ["", cell]}, Words()), kind) == cell
