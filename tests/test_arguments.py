"""The line after ``%ava``: its options, and the prompt that follows them as it was typed."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ava_magic import AvaError
from ava_magic.arguments import Arguments, compared_settings, parse
from ava_magic.options import OPTIONS, Option, help_text

COMMANDS = [option for option in OPTIONS if option.command]
BARE = [option for option in OPTIONS if option.may_be_bare]
FLAGS = [option for option in OPTIONS if not option.value and not option.command]
WITH_VALUE = [option for option in OPTIONS if option.value and not option.command]
_VALUES = {
    "X": "0.5",
    "N": "7",
    "[N]": "7",
    "FORMAT": "json",
    "KEY=VALUE": "seed=7",
}  # one that each kind of value takes


def value_for(option: Option) -> str:
    return _VALUES.get(option.value, "name")


def refused(line: str) -> AvaError:
    with pytest.raises(AvaError) as caught:
        parse(line)
    assert caught.value.kind == "config"
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("line", "options", "prompt"),
    [
        ("", {}, ""),
        ("   ", {}, ""),
        ("what is a list?", {}, "what is a list?"),
        ("-m small what is a list?", {"model": "small"}, "what is a list?"),
        ("--model small what?", {"model": "small"}, "what?"),
        ("--model=small what?", {"model": "small"}, "what?"),
        ("-m=small what?", {"model": "small"}, "what?"),
        ("  -m   small    what?  ", {"model": "small"}, "what?"),
        ("-m small", {"model": "small"}, ""),
        ("-p my.package:Class what?", {"provider": "my.package:Class"}, "what?"),
        ("--base-url http://127.0.0.1:1/v1 what?", {"base_url": "http://127.0.0.1:1/v1"}, "what?"),
        ("-t 0.5 what?", {"temperature": 0.5}, "what?"),
        ("-t 1e-1 what?", {"temperature": 0.1}, "what?"),
        ("-t -1 what?", {"temperature": -1.0}, "what?"),
        ("--max-tokens 20 what?", {"max_tokens": 20}, "what?"),
        ("-o answer what?", {"out": "answer"}, "what?"),
        ("-n -r what?", {"no_history": True, "raw": True}, "what?"),
        ("-n what -m is this?", {"no_history": True}, "what -m is this?"),
        ("-m small -- -m is text", {"model": "small"}, "-m is text"),
        ("-- --", {}, "--"),
        ("--", {}, ""),
        ("--\t-n", {}, "-n"),
        ("-1 plus 2?", {}, "-1 plus 2?"),
        ("- a list item", {}, "- a list item"),
        ("-", {}, "-"),
        ("--- a rule", {}, "--- a rule"),
        ("-what? no option", {}, "-what? no option"),
    ],
)
def test_options_come_first_and_the_rest_is_the_prompt(line: str, options: dict[str, Any], prompt: str) -> None:
    assert parse(line) == Arguments(prompt, options)


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e999", "[NaN]", '{"a":1e999}'])
def test_a_number_that_json_does_not_have_goes_as_text(value: str) -> None:
    assert parse(f"--option seed={value} hi").options == {"option": [("seed", value)]}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('"be brief"', "be brief"),
        ("'be brief'", "be brief"),
        ('"it\'s"', "it's"),
        (r'"a \"word\""', 'a "word"'),
        (r"'it\'s'", "it's"),
        (r'"a\\b"', "a\\b"),
        (r'"a\nb"', r"a\nb"),
        ('""', ""),
        ('"-m"', "-m"),
        ("brief", "brief"),
        ("it's", "it's"),
        ("a=b", "a=b"),
    ],
)
@pytest.mark.parametrize("written", ["-s {}", "-s={}", "--system {}", "--system={}"])
def test_a_value_is_one_word_or_a_quoted_text(written: str, value: str, text: str) -> None:
    assert parse(f"{written.format(value)} what?") == Arguments("what?", {"system": text})
    assert parse(written.format(value)) == Arguments("", {"system": text})


@pytest.mark.parametrize(
    ("setting", "pair"),
    [
        ("seed=7", ("seed", 7)),
        ("top_p=0.5", ("top_p", 0.5)),
        ("stream=false", ("stream", False)),
        ("user=null", ("user", None)),
        ("stop=end", ("stop", "end")),
        ('stop="the end"', ("stop", "the end")),
        ('stop=["a","b"]', ("stop", ["a", "b"])),
        ('shape={"a":{"b":1}}', ("shape", {"a": {"b": 1}})),
        ("a=b=c", ("a", "b=c")),
        ("stop='the end'", ("stop", "the end")),
        ("stop=''", ("stop", "")),
        ("stop='x", ("stop", "'x")),
        ("stop='", ("stop", "'")),
        ("stop=x'", ("stop", "x'")),
        ("empty=", ("empty", "")),
    ],
)
@pytest.mark.parametrize("written", ["--option {} what?", "--option={} what?"])
def test_a_further_field_is_json_or_else_text(written: str, setting: str, pair: tuple[str, Any]) -> None:
    assert parse(written.format(setting)) == Arguments("what?", {"option": [pair]})


def test_further_fields_may_repeat() -> None:
    assert parse("--option a=1 --option b=2 what?").options == {"option": [("a", 1), ("b", 2)]}


@pytest.mark.parametrize("option", COMMANDS, ids=lambda option: option.key)
def test_a_command_stands_instead_of_a_prompt(option: Option) -> None:
    value = " 2" if option.value else ""
    arguments = parse(f"  {option.names[-1]}{value} ")
    assert (arguments.command, arguments.prompt) == (option.key, "")
    assert ("what?" in str(refused(f"{option.names[-1]}{value} what?"))) is (option.key != "key")


def test_a_key_in_the_line_is_not_shown_once_more() -> None:
    assert "in a hidden prompt" in str(refused("--key -p openai a-key-of-ours"))
    assert "a-key" not in str(refused("--key -p openai a-key-of-ours"))


@pytest.mark.parametrize(
    "name", ["In", "Out", "get_ipython", "_", "__", "___", "_7", "_i", "_i7", "_ih", "_oh", "_dh", "__name__"]
)
def test_a_reply_takes_no_name_that_ipython_needs(name: str) -> None:
    assert str(refused(f"-o {name} hi")) == f"--out cannot be {name!r}: IPython keeps that name for itself"


def test_a_name_is_read_as_python_reads_it() -> None:
    assert parse("-o \u00b5 hi").options["out"] == "\u03bc"  # the micro sign of a keyboard, the letter mu


@pytest.mark.parametrize("option", ["--attach", "--into", "--save", "--load"])
def test_a_path_is_not_empty(option: str) -> None:
    assert str(refused(f"{option}=''")) == f"{option} cannot be '': it must be a path"


@pytest.mark.parametrize("option", BARE, ids=lambda option: option.key)
def test_a_command_may_leave_its_value_out(option: Option) -> None:
    name = option.names[-1]
    for line in (name, f"{name} ", f"{name} -c review", f"-c review {name}"):
        assert parse(line).options[option.key] == option.bare
    for line in (f"{name} 2", f"{name}=2 -c review", f'{name} "2"'):
        assert str(parse(line).options[option.key]) == "2"
    assert "needs a value" in str(refused(f"{name}="))


def test_only_a_command_may_leave_its_value_out() -> None:
    assert BARE
    assert all(option.command for option in BARE)


@pytest.mark.parametrize("option", [o for o in FLAGS + COMMANDS if not o.value], ids=lambda option: option.key)
def test_what_takes_no_value_says_so(option: Option) -> None:
    assert "takes no value" in str(refused(f"{option.names[-1]}=x what?"))


@pytest.mark.parametrize("option", WITH_VALUE, ids=lambda option: option.key)
@pytest.mark.parametrize("after", ["", "   ", "= what?", " -n what?"])
def test_a_missing_value_is_asked_for_by_the_name_that_it_has_in_the_help(option: Option, after: str) -> None:
    assert f"needs a value: {option.names[0]} {option.value}" in str(refused(option.names[0] + after))


def test_the_end_of_the_options_is_no_value() -> None:
    assert "needs a value" in str(refused("-m -- what?"))


def test_two_commands_at_once_are_refused() -> None:
    first, second = [option.names[-1] for option in COMMANDS if not option.value][:2]
    assert str(refused(f"{first} {second}")) == f"{first} and {second} do not go together"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-t warm what?", "--temperature cannot be 'warm'"),
        ("-t nan what?", "must be a number"),
        ("-t inf what?", "must be a number"),
        ("--max-tokens 0 what?", "above 0"),
        ("--max-tokens -5 what?", "above 0"),
        ("--max-tokens 1.5 what?", "above 0"),
        ("--max-tokens \u0663 what?", "above 0"),
        ("--max-tokens 9" + "9" * 5_000 + " what?", "--max-tokens cannot be"),
        ("-o 2x what?", "name of a variable"),
        ("-o a.b what?", "name of a variable"),
        ("-o class what?", "name of a variable"),
        ("--schema a.b what?", "name of a variable"),
        ("--option seed what?", "KEY=VALUE"),
        ("--option =7 what?", "KEY=VALUE"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_what_would(line: str, words: str) -> None:
    assert words in str(refused(line))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--modle small what?", "did you mean --model?"),
        ("--temprature 1 what?", "did you mean --temperature?"),
        ("--no-histroy what?", "did you mean --no-history?"),
        ("--MODEL small what?", "unknown option --MODEL"),
        ("-xyz what?", "unknown option -xyz"),
        ("-msmall what?", "unknown option -msmall"),
        ("--zzzzzzzz", "%ava? lists the options"),
        ("-x what?", "goes after --"),
    ],
)
def test_an_unknown_option_is_named_with_the_way_out(line: str, words: str) -> None:
    assert words in str(refused(line))


def test_no_option_takes_a_key() -> None:
    names = [name for option in OPTIONS if option.value for name in option.names]
    assert not [name for name in names if "key" in name or "token" in name.split("-")]


def test_each_name_belongs_to_one_option_and_stands_in_the_help() -> None:
    names = [name for option in OPTIONS for name in option.names]
    assert len(names) == len(set(names))
    for option in OPTIONS:
        assert ", ".join(option.names) in help_text()
        assert option.help in help_text()
    lines = [line for line in help_text().split("\n") if line.startswith("  ")]
    assert len({line.index(option.help) for line, option in zip(lines, OPTIONS, strict=True)}) == 1


def test_arguments_tell_which_options_were_given() -> None:
    arguments = parse("-n what?")
    assert "no_history" in arguments
    assert "raw" not in arguments


@given(st.text())
def test_any_text_behind_the_end_of_the_options_is_the_prompt(text: str) -> None:
    assert parse(f"-n -- {text}") == Arguments(text.strip(), {"no_history": True})


@given(st.text())
def test_any_text_that_begins_with_no_dash_is_the_prompt(text: str) -> None:
    assume(not text.strip().startswith("-"))
    assert parse(text) == Arguments(text.strip())


@given(st.text())
def test_any_text_can_be_a_value_in_quotes(text: str) -> None:
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert parse(f"-s {quoted} what?") == Arguments("what?", {"system": text})


@given(st.lists(st.sampled_from(WITH_VALUE), unique=True), st.sampled_from(["{} {}", "{}={}"]))
def test_options_come_in_any_number_and_order(given_options: list[Option], written: str) -> None:
    line = " ".join(written.format(option.names[0], value_for(option)) for option in given_options)
    arguments = parse(f"{line} what?")
    assert set(arguments.options) == {option.key for option in given_options}
    assert arguments.prompt == "what?"


@given(st.lists(st.sampled_from(["-", "--", "m", "=", " ", '"', "'", "\\", "model", "--option", "a=1", "-n", "\n"])))
def test_a_wrong_line_is_an_ava_error_and_never_another_one(words: list[str]) -> None:
    with contextlib.suppress(AvaError):
        parse("".join(words))


@pytest.mark.parametrize("line", ['-s "be brief what?', "-s 'be brief what?", '-s "be"brief what?', '-s="be'])
def test_a_quote_that_nothing_closes_is_told(line: str) -> None:
    assert str(refused(line)) == "the value of -s begins with a quote that nothing closes"


def test_what_is_tied_to_its_option_is_its_value_whatever_it_looks_like() -> None:
    assert parse("--system=-n -m=-- what?") == Arguments("what?", {"system": "-n", "model": "--"})


@pytest.mark.parametrize(
    ("line", "compared"),
    [
        ("-m a what?", {}),
        ("-m a -m b what?", {"a": {"model": "a"}, "b": {"model": "b"}}),
        ("-p x -m a -p y what?", {"x": {"provider": "x"}, "y": {"provider": "y"}}),
        (
            "-m a -p x -m b -p y what?",
            {"x a": {"provider": "x", "model": "a"}, "y b": {"provider": "y", "model": "b"}},
        ),
    ],
)
def test_each_of_several_has_settings_of_its_own(line: str, compared: dict[str, dict[str, str]]) -> None:
    assert compared_settings(parse(line)) == compared


@pytest.mark.parametrize(
    ("line", "words"), [("-m a -m b -m c -p x -p y", "they go in pairs"), ("-m a -m b -m a", "two of them alike")]
)
def test_several_that_do_not_fit_are_refused(line: str, words: str) -> None:
    with pytest.raises(AvaError, match=words) as caught:
        compared_settings(parse(f"{line} what?"))
    assert caught.value.kind == "config"


@pytest.mark.parametrize("line", ["-s one -s two what?", "-o a --out b what?", "-t 1 --temperature=2 what?"])
def test_an_option_that_takes_one_value_is_given_once(line: str) -> None:
    with pytest.raises(AvaError, match="given twice"):
        parse(line)


@pytest.mark.parametrize("name", ["-h", "--help", "--zzz"])
def test_an_option_that_is_like_no_other_is_answered_with_where_they_are_listed(name: str) -> None:
    assert "%ava? lists the options" in str(refused(f"{name} hi"))
