"""The options of ``%ava``: one table, for parsing, for help and for completion."""

from __future__ import annotations

import json
import keyword
import math
import re
import unicodedata
from collections.abc import Callable
from typing import Any, NamedTuple

from .answers.formats import FORMATS

__all__ = ["BY_NAME", "GROUPS", "OPTIONS", "Option", "help_text"]


# What is looked up under these names is IPython's: bound to a reply, get_ipython or In would end every further cell.
_IPYTHONS = re.compile(r"In|Out|get_ipython|_{1,3}|_i{1,3}|_i?\d+|_[iod]h|__\w+__")


class Option(NamedTuple):
    """One option: its names, what its value is called (``""``: it takes none, ``"[N]"``: it may be left out), and what
    it does.

    ``convert`` makes the value of the text and raises :class:`ValueError` for text that makes none; ``many`` options
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
        found = json.loads(value)
        json.dumps(found, allow_nan=False)  # NaN, Infinity and 1e999 are Python's, and no JSON
    except (ValueError, RecursionError):
        return name, value
    return name, found


def _name(text: str) -> str:
    if not text.isidentifier() or keyword.iskeyword(text):
        raise ValueError("it must be the name of a variable")
    return unicodedata.normalize("NFKC", text)  # as Python reads it: a keyboard's micro sign is the letter mu


def _new_name(text: str) -> str:
    if _IPYTHONS.fullmatch(name := _name(text)):
        raise ValueError("IPython keeps that name for itself")
    return name


def _path(text: str) -> str:
    if not text.strip():
        raise ValueError("it must be a path")
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


GROUPS = {
    "Who is asked, and how": (
        Option(
            ("-m", "--model"), "NAME", "the model to ask; of several, the replies stream side by side", compared=True
        ),
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
        Option(
            ("--option",), "KEY=VALUE", "a further field of the request; VALUE is JSON, or text", _setting, many=True
        ),
        Option(("-c", "--chat"), "NAME", "talk in the conversation NAME; without it, in main", _chat_name),
        Option(("-n", "--no-history"), "", "neither read nor extend the conversation"),
        Option(("-b", "--background"), "", "return at once; the reply streams on, and can be awaited"),
    ),
    "What goes in, and what comes of it": (
        Option(("-o", "--out"), "NAME", "also bind the reply to NAME", _new_name),
        Option(("-f", "--format"), "FORMAT", "; ".join(form.help for form in FORMATS.values()), _format),
        Option(("--schema",), "NAME", "the shape that JSON must have: a schema, dataclass or pydantic model", _name),
        Option(("-e", "--error"), "", "add the last traceback and the cell that raised it"),
        Option(("-r", "--raw"), "", "leave {braces} as they are"),
        Option(("--attach",), "PATH", "send a text file or an image along", _path, many=True),
        Option(("--preview",), "", "show the request and its size; send nothing"),
        Option(("--send-secrets",), "", "send the prompt though it holds a key or a token"),
    ),
    "Many at once": (
        Option(("--each",), "NAME", "ask once for each item of NAME, with {item} in the question"),
        Option(("--concurrency",), "N", "how many of them at once; 8 where nothing is said", _count),
        Option(("--into",), "PATH", "keep every result in PATH.jsonl, and go on from what it holds", _path),
        Option(("--dask",), "", "spread them over the workers of the active Dask client"),
        Option(("--keep",), "NAME", "which of several goes on in the conversation; afterwards too, with no question"),
    ),
    "In the place of a question": (
        Option(("--history",), "", "show the conversation; with -o, bind it to NAME", command=True),
        Option(
            ("--undo",),
            "[N]",
            "take back the last change of the conversation, or the last N",
            _count,
            command=True,
            bare=1,
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
        Option(("--save",), "PATH", "write the conversation to PATH.json or PATH.md", _path, command=True),
        Option(("--load",), "PATH", "go on with a conversation that was saved", _path, command=True),
        Option(("--resume",), "[PATH]", "rebuild the conversation from the notebook's file", command=True, bare=""),
        Option(("--usage",), "", "show the tokens that were spent", command=True),
        Option(("--check",), "", "reach the endpoint step by step, and say what is wrong", command=True),
        Option(("--models",), "[WORD]", "list the endpoint's models, or those named with WORD", command=True, bare=""),
        Option(("--key",), "", "type in the endpoint's key, hidden; this kernel forgets it when it ends", command=True),
        Option(("--replay",), "", "take all replies from the cassette from now on, and send nothing", command=True),
    ),
}
"""The options by what they are about."""
OPTIONS = tuple(option for group in GROUPS.values() for option in group)
BY_NAME = {name: option for option in OPTIONS for name in option.names}
"""The options by each of their names."""


def help_text() -> str:
    """The options as an aligned table in plain text, group by group."""
    width = max(len(_as_typed(option)) for option in OPTIONS)
    return "\n\n".join(
        "\n".join([f"{title}:", *(f"  {_as_typed(option):<{width}}  {option.help}" for option in options)])
        for title, options in GROUPS.items()
    )


def _as_typed(option: Option) -> str:
    return ", ".join(option.names) + (f" {option.value}" if option.value else "")
