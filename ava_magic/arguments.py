"""The line after ``%ava``: options first, then the prompt, as it was typed.

The standard parsers do not fit here: they split the whole line into words, but the quotes, dashes and spaces of a
prompt are text.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import AvaError
from .options import BY_NAME, Option

__all__ = ["WORD", "Arguments", "compared_settings", "parse", "value_at", "value_start"]


WORD = re.compile(r"\s*(?P<option>-{1,2}[A-Za-z][\w-]*)(?:=|(?=\s)|$)")
"""An option's name, with the equals sign that ties its value to it."""

_QUOTED = re.compile(r"""(?P<quote>["'])(?P<text>(?:\\.|(?!(?P=quote)).)*)(?P=quote)(?=\s|$)""", re.DOTALL)
_BARE = re.compile(r"""[^\s=]+=(?:"[^"\n]*"|'[^'\n]*')(?=\s|$)|\S+""")


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
        elif with_equals:
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
    if command == "key" and rest:  # most likely the key, which is not to be shown once more
        raise AvaError("--key stands alone: it asks for the key in a hidden prompt; take away what follows", "config")
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
