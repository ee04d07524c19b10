"""Markdown in a console: every word and every address that was written can be read."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from ava_magic.markdown.blocks import Blocks
from ava_magic.views.console_markdown import ConsoleMarkdown


def sent(text: str, width: int = 80) -> str:
    """What a terminal of ``width`` cells is sent, escape sequences and all."""
    console = Console(file=io.StringIO(), force_terminal=True, width=width, record=True, legacy_windows=False)
    console.print(ConsoleMarkdown(text))
    return console.export_text(styles=True)


def shown(text: str, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, record=True)
    console.print(ConsoleMarkdown(text))
    return "\n".join(line.rstrip() for line in console.export_text().splitlines()).strip("\n")


NOTES = "See [docs][1] and claim[^1] here.\n\n[1]: https://docs.example/page\n[^1]: https://paper.example/x\n\nEnd"


def test_references_and_their_definitions_stay_as_they_were_written() -> None:
    assert shown(NOTES) == NOTES


@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_how_a_definition_looks_does_not_depend_on_when_it_came(cut: int) -> None:
    blocks = Blocks()
    settled = [blocks.feed(NOTES[start : start + cut]) for start in range(0, len(NOTES), cut)]
    assert "\n\n".join(shown(text) for text in [*settled, blocks.finish()] if text.strip()) == NOTES


@pytest.mark.parametrize(
    "line",
    [
        "[^1]: foot",
        "[^note]: See *paper*, [here](https://a.example)",
        '[a b]: <https://a.example/x_y_z> "title"',
        "[1]: https://a.example/**x**",
    ],
)
def test_a_definition_is_a_line_of_its_own(line: str) -> None:
    assert shown(line) == line
    assert shown(f"Sources:\n  {line}\nand **more**") == f"Sources:\n{line}\nand more"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[the **docs**](https://a.example/x)", "the docs (https://a.example/x)"),
        ("https://a.example/x, <https://b.example>", "https://a.example/x, https://b.example"),
        ("<me@a.example> [me](mailto:me@a.example)", "me@a.example me (mailto:me@a.example)"),
        ("![a *chart*](https://a.example/c.png) here", "[a chart] (https://a.example/c.png) here"),
        ("![](https://a.example/c.png)", "[image] (https://a.example/c.png)"),
        ("[![alt](https://i.example)](https://l.example)", "[alt] (https://i.example) (https://l.example)"),
        ("[x](javascript:run) ![y](data:z)", "[x](javascript:run) ![y](data:z)"),
        ("# [x](https://a.example)", "x (https://a.example)"),
    ],
)
def test_an_address_is_beside_its_words(text: str, words: str) -> None:
    assert words in shown(text)
    assert "\x1b]8" not in sent(text)


@pytest.mark.parametrize("text", ["$a_b c_d$", r"\(x_1\)", "$$\na \\\\ b\n$$", "\\[\nx_1 + y_1\n\\]", "$5 and $6"])
def test_mathematics_stays_as_it_was_typed(text: str) -> None:
    assert shown(text) == text


def test_tasks_keep_their_boxes() -> None:
    assert shown("- [ ] to do\n- [x] done") == " • [ ] to do\n • [x] done"


def table(columns: int, word: str = "value") -> str:
    lines = [[f"name{column}" for column in range(columns)], ["---"] * columns]
    lines += [[f"{word}{row}.{column}" for column in range(columns)] for row in range(2)]
    return "\n".join("|" + "|".join(line) + "|" for line in lines)


@pytest.mark.parametrize("width", [20, 80, 100])
def test_a_table_with_too_many_columns_is_shown_as_its_rows(width: int) -> None:
    lines = shown(table(30), width).split("\n")
    assert lines[:2] == ["name0: value0.0", "name1: value0.1"]
    assert lines[29:32] == ["name29: value0.29", "", "name0: value1.0"]
    assert lines[-1] == "name29: value1.29"


def test_a_table_that_fits_stays_a_table_and_folds_what_is_long() -> None:
    screen = shown(table(3, "x" * 80))
    assert "name0:" not in screen
    assert "…" not in screen
    assert screen.count("x") == 480


def test_a_cell_shows_all_of_its_words() -> None:
    screen = shown("| a | b |\n|---|---|\n| one **two** `three` [four](https://a.example) | |")
    assert "one two three four (https://a.example)" in screen


@pytest.mark.parametrize("columns", [2, 60])
def test_a_table_that_has_only_begun_shows_its_names(columns: int) -> None:
    screen = shown("\n".join(table(columns).split("\n")[:2]))
    assert [f"name{column}" for column in range(columns)] == [word for word in screen.split() if "name" in word]


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "# {}",
        "`{}`",
        "```\n{}\n```",
        "    {}",
        "[{}](https://a.example)",
        "![{}](https://a.example)",
        "[1]: {}",
        "[^1]: {}",
        "${}$",
        "| {} |\n|---|\n| {} |",
        table(40, "{}"),
    ],
)
def test_control_characters_are_shown_on_every_path(text: str) -> None:
    screen = sent(text.replace("{}", "x\x1b]0;t\x07\x9b31m\u202egnirts&#x202e;"))
    assert not {"\x07", "\x9b", "\u202e"} & set(screen)
    assert "\x1b]" not in screen
    assert "\u241b]0;t" in "".join(screen.split())


@pytest.mark.parametrize("mark", ["> ", "- "])
@pytest.mark.parametrize("depth", [5, 12, 200])
def test_what_is_nested_deeply_is_still_shown(mark: str, depth: int) -> None:
    assert "word" in shown(mark * depth + "word", 80)
