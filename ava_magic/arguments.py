"""The line after ``%ava``: options first, then the prompt, as it was typed.

The table of options is the one source for parsing, for help and for completion.  The standard parsers do not fit here:
they split the whole line into words, and a prompt is no list of words: its quotes, dashes and spaces are text.
"""

from __future__ import annotations

import difflib
import json
import keyword
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .errors import AvaError
from .reply import FORMATS

__all__ = [
    "BY_NAME",
    "OPTIONS",
    "WORD",
    "Arguments",
    "Option",
    "compared_settings",
    "help_text",
    "parse",
    "value_at",
    "value_start",
]


WORD = re.compile(r"\s*(?P<option>-{1,2}[A-Za-z][\w-]*)(?:=|(?=\s)|$)")
"""An option's name, with the equals sign that ties its value to it."""

_QUOTED = re.compile(r"""(?P<quote>["'])(?P<text>(?:\\.|(?!(?P=quote)).)*)(?P=quote)(?=\s|$)""", re.DOTALL)
_BARE = re.compile(r"""[^\s=]+=(?:"[^"\n]*"|'[^'\n]*')(?=\s|$)|\S+""")


class Option(NamedTuple):
    """One option: its names, what its value is called (``""``: it takes none, ``"[N]"``: it may be left out), and what
    it does.

    ``convert`` makes the value of the text and raises :class:`ValueError` for text that is none; ``many`` options
    may repeat, ``compared`` ones too, each time for one more reply beside the others, and ``command`` ones stand
    instead of a prompt.  ``bare`` is the value of an option that has none: only a command may leave it
    out, since elsewhere the first word of the prompt would be taken for it.
    """

    names: tuple[str, ...]
    value: str
    help: str
    convert: Callable[[str], Any] = str
    many: bool = False
    compared: bool = False
    command: bool = False
    bare: Any = True

    @property
    def key(self) -> str:
        """The long name as a Python name: ``max_tokens``."""
        return self.names[-1].lstrip("-").replace("-", "_")

    @property
    def may_be_bare(self) -> bool:
        """Whether its value may be left out."""
        return self.value.startswith("[")


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise ValueError("it is written KEY=VALUE")
    if len(value) > 1 and value[0] == value[-1] == "'":
        value = value[1:-1]
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _name(text: str) -> str:
    if not text.isidentifier() or keyword.iskeyword(text):
        raise ValueError("it must be the name of a variable")
    return text


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("it must be a number")
    return number


def _chat_name(text: str) -> str:
    if not text.strip() or not text.isprintable() or len(text) > 60:
        raise ValueError("it must be a short name")
    return text


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ValueError("it must be a whole number above 0")
    return int(text)


def _format(text: str) -> str:
    if text not in FORMATS:
        raise ValueError(f"it is one of {', '.join(FORMATS)}")
    return text


OPTIONS = (
    Option(("-m", "--model"), "NAME", "the model to ask; of several, the replies stream side by side", compared=True),
    Option(
        ("-p", "--provider"),
        "NAME",
        "who answers: a preset, codelink-ava, guide, or package.module:Class; of several, side by side",
        compared=True,
    ),
    Option(("--base-url",), "URL", "an OpenAI-compatible endpoint"),
    Option(("-s", "--system"), "TEXT", "the system message of this turn"),
    Option(("-t", "--temperature"), "X", "the temperature of this turn", _number),
    Option(("--max-tokens",), "N", "the longest reply, in tokens", _count),
    Option(("--option",), "KEY=VALUE", "a further field of the request; VALUE is JSON, or text", _setting, many=True),
    Option(("-o", "--out"), "NAME", "also bind the reply to NAME", _name),
    Option(("-f", "--format"), "FORMAT", "markdown; text; code, the first block to the next cell; json", _format),
    Option(("--schema",), "NAME", "the shape that JSON must have: a schema, dataclass or pydantic model", _name),
    Option(("-e", "--error"), "", "add the last traceback and the cell that raised it"),
    Option(("-c", "--chat"), "NAME", "talk in the conversation NAME; without it, in main", _chat_name),
    Option(("-n", "--no-history"), "", "neither read nor extend the conversation"),
    Option(("-b", "--background"), "", "return at once; the reply streams on, and can be awaited"),
    Option(("--each",), "NAME", "ask once for each item of NAME, with {item} in the question"),
    Option(("--concurrency",), "N", "how many of them at once; 8 where nothing is said", _count),
    Option(("--into",), "PATH", "keep every result in PATH.jsonl, and go on from what it holds"),
    Option(("--dask",), "", "spread them over the workers of the active Dask client"),
    Option(("--keep",), "NAME", "which of several goes on in the conversation; afterwards too, with no question"),
    Option(("-r", "--raw"), "", "leave {braces} as they are"),
    Option(("--attach",), "PATH", "send a text file or an image along", many=True),
    Option(("--preview",), "", "show the request and its size; send nothing"),
    Option(("--send-secrets",), "", "send the prompt though it holds a key or a token"),
    Option(("--history",), "", "show the conversation; with -o, bind it to NAME", command=True),
    Option(
        ("--undo",), "[N]", "take back the last change of the conversation, or the last N", _count, command=True, bare=1
    ),
    Option(("--retry",), "", "ask the last question again; the new answer takes its place", command=True),
    Option(
        ("--code",),
        "[N]",
        "put the first, or the Nth, code block of the last reply into the next cell",
        _count,
        command=True,
        bare=1,
    ),
    Option(("--reset",), "", "forget the conversation", command=True),
    Option(("--save",), "PATH", "write the conversation to PATH.json or PATH.md", command=True),
    Option(("--load",), "PATH", "go on with a conversation that was saved", command=True),
    Option(("--resume",), "[PATH]", "rebuild the conversation from the notebook's file", command=True, bare=""),
    Option(("--usage",), "", "show the tokens that were spent", command=True),
    Option(("--check",), "", "reach the endpoint step by step, and say what is wrong", command=True),
    Option(("--models",), "[WORD]", "list the endpoint's models, or those named with WORD", command=True, bare=""),
    Option(("--key",), "", "type in the endpoint's key, hidden; this kernel forgets it when it ends", command=True),
    Option(("--replay",), "", "take all replies from the cassette from now on, and send nothing", command=True),
)
BY_NAME = {name: option for option in OPTIONS for name in option.names}
"""The options by each of their names."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a line says: the options that were given, by key, and the prompt that follows them.

    ``compared`` holds all values of an option that was given more than once to compare; ``options`` has the first.
    ``command`` is the key of the option that stands instead of a prompt, ``""`` where there is none.
    """

    prompt: str
    options: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    compared: Mapping[str, list[Any]] = field(default_factory=dict)

    def __contains__(self, key: str) -> bool:
        return key in self.options


def parse(line: str) -> Arguments:
    """Read the options at the start of ``line``.  Raises :class:`AvaError` (``config``) for one that is wrong."""
    options: dict[str, Any] = {}
    compared: dict[str, list[Any]] = {}
    command = ""
    position = 0
    while match := WORD.match(line, position):
        option = _find(match["option"])
        position = match.end()
        with_equals = line[match.end() - 1 : match.end()] == "="
        value = option.bare
        if option.value and not (option.may_be_bare and _is_bare(line, position, with_equals)):
            text, position = _value(line, position, option, with_equals)
            value = _convert(option, text)
        elif with_equals and not option.value:
            raise AvaError(f"{match['option']} takes no value", "config")
        if option.key in options and option.compared:
            compared.setdefault(option.key, [options[option.key]]).append(value)
            continue
        if option.key in options and option.value and not option.many:
            raise AvaError(f"{match['option']} is given twice", "config")
        if option.many:
            options.setdefault(option.key, []).append(value)
        else:
            options[option.key] = value
        if option.command:
            if command not in ("", option.key):
                raise AvaError(f"--{command} and --{option.key} do not go together", "config")
            command = option.key
    rest = line[position:].strip()
    if rest == "--" or rest.startswith(("-- ", "--\t")):
        rest = rest[2:].strip()
    if command and rest:
        raise AvaError(f"--{command} stands alone; what is {rest[:40]!r} for?", "config")
    return Arguments(rest, options, command, compared)


def value_start(line: str, position: int) -> int:
    """Where a value begins behind the name that ends at ``position``: there if after ``=``, else at the next word."""
    return position if line[position - 1] == "=" else len(line) - len(line[position:].lstrip())


def value_at(line: str, start: int) -> tuple[str, int] | None:
    """The value at ``start`` and where it ends: a quoted text, or all up to the next space; ``None`` where none is."""
    if quoted := _QUOTED.match(line, start):
        return re.sub(r"\\([\"'\\])", r"\1", quoted["text"]), quoted.end()
    bare = None if line[start : start + 1] in ("'", '"') else _BARE.match(line, start)
    return bare and (bare.group(), bare.end())


def compared_settings(arguments: Arguments) -> dict[str, dict[str, str]]:
    """The settings of its own for each reply that is to be compared, by a label; nothing where there is but one.

    Models and providers go in pairs where both are given more than once.  Raises :class:`AvaError` (``config``) where
    they do not fit.
    """
    compared = arguments.compared
    if len({len(values) for values in compared.values()}) > 1:
        raise AvaError("where both -m and -p are given more than once, they go in pairs: as many of each", "config")
    names = [name for name in ("provider", "model") if name in compared]
    rows = [dict(zip(names, row, strict=True)) for row in zip(*(compared[name] for name in names), strict=True)]
    labelled = {" ".join(row.values()): row for row in rows}
    if len(labelled) < len(rows):
        raise AvaError("each of several is asked once: -m and -p name two of them alike", "config")
    return labelled


def help_text() -> str:
    """The options as an aligned table in plain text."""
    rows = [(", ".join(option.names) + (f" {option.value}" if option.value else ""), option.help) for option in OPTIONS]
    width = max(len(left) for left, _ in rows)
    return "\n".join(f"  {left:<{width}}  {right}" for left, right in rows)


def _find(name: str) -> Option:
    if name in BY_NAME:
        return BY_NAME[name]
    near = [] if name in ("-h", "--help") else difflib.get_close_matches(name, BY_NAME, n=1, cutoff=0.75)
    hint = f"did you mean {near[0]}?" if near else "%ava? lists the options."
    raise AvaError(f"unknown option {name}; {hint} A prompt that begins with a dash goes after --", "config")


def _is_bare(line: str, position: int, with_equals: bool) -> bool:
    """Whether what follows an option that may stand alone is no value for it: nothing, or another option."""
    return not with_equals and (not line[position:].strip() or WORD.match(line, position) is not None)


def _value(line: str, position: int, option: Option, with_equals: bool) -> tuple[str, int]:
    start = value_start(line, position)
    found = value_at(line, start)
    if found is None and line[start : start + 1] in ("'", '"'):
        raise AvaError(f"the value of {option.names[0]} begins with a quote that nothing closes", "config")
    if found is None or (not with_equals and line[start : found[1]] in (*BY_NAME, "--")):
        raise AvaError(f"{option.names[0]} needs a value: {option.names[0]} {option.value}", "config")
    return found


def _convert(option: Option, text: str) -> Any:
    try:
        return option.convert(text)
    except ValueError as error:
        raise AvaError(f"{option.names[-1]} cannot be {text!r}: {error}", "config") from None
