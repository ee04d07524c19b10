"""What can follow what has been typed of ``%ava``: options, their values, and names of the notebook in braces.

Pure: where the words come from is the business of :mod:`ava_magic.completion.completer`.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import NamedTuple

from ..arguments import WORD, value_at, value_start
from ..options import BY_NAME, OPTIONS
from ..syntax import CELL
from ..values.lookup import PATH

__all__ = ["Place", "option_names", "place"]

_BEGUN = re.compile(r"-(?:-\S+|[^-\s]\S*)?")
_LINE = re.compile(r"(?:^|[=:;]|\breturn)[ \t]*%ava(?!\S)(?P<rest>(?:[^\n\\]|\\\n|\\.)*)\Z", re.MULTILINE)
_FIELD = re.compile(r"(?<!\{)\{(?P<name>(?:[^\W\d]\w*)?)\Z")
_ATTRIBUTE = re.compile(rf"(?<!\{{)\{{(?P<name>[^\W\d]\w*{PATH}\.\w*)\Z")


class Place(NamedTuple):
    """Where the cursor is: in an ``"option"``, in the value of one (its key), or in braces in a ``"name"`` or
    in an ``"attribute"`` behind one.

    ``word`` is what has been typed of it, and ``given`` are the options before it with their values.
    """

    what: str
    word: str
    given: dict[str, str]


def place(before: str) -> Place | None:
    """Where the cursor is, from the cell's text before it; ``None`` where nothing of ours is being typed."""
    if cell := CELL.match(before):
        line, newline, _ = before[cell.end() :].partition("\n")
        found = None if newline else _in_options(line)
    elif magic := _LINE.search(before):
        found = _in_options(magic["rest"].replace("\\\n", " "))
    else:
        return None
    if found is not None:
        return found
    for what, pattern in (("name", _FIELD), ("attribute", _ATTRIBUTE)):
        if name := pattern.search(before):
            return Place(what, name["name"], {})
    return None


def option_names(given: Container[str]) -> list[str]:
    """The names of the options that may follow those whose keys are ``given``."""
    return [name for option in OPTIONS if option.many or option.key not in given for name in option.names]


def _in_options(line: str) -> Place | None:
    """The place in the options that a line begins with; ``None`` where the prompt has begun."""
    given: dict[str, str] = {}
    position = 0
    while (word := WORD.match(line, position)) and (word.end() < len(line) or line.endswith("=")):
        option = BY_NAME.get(word["option"])
        if option is None:
            return None
        position, value = word.end(), ""
        start = value_start(line, position)
        if option.value and not (option.may_be_bare and start > position and line.startswith("-", start)):
            found = value_at(line, start)
            if found is None or found[1] == len(line):
                return Place(option.key, line[start:], given)
            value, position = found
        given[option.key] = value
    rest = line[position:].lstrip()
    return Place("option", rest, given) if _BEGUN.fullmatch(rest) else None
