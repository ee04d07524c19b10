"""The prompt: what the user typed, with values of the notebook where braces name them.

Pure: it is given the namespace, and a :class:`~..values.describe.Display` that shows a value as the notebook would.
What is replaced, and what stays as it was typed::

    {name}  {name.attribute}  {name[0]}  {name["key"]}  {In[3]}  {In[3:6]}     replaced, if name is in the namespace
    {name!r}  {name:spec}                                                      as its repr, by a format
    {{name}}                                                                   {name}, where that would be replaced

All other braces stay, byte for byte.  What was inserted is not read again.
"""

from __future__ import annotations

import builtins
import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, NamedTuple

from ..controls import one_line
from ..values.content import Mixed, Piece
from ..values.describe import Display, describe, formatted
from ..values.lookup import MISSING, PATH, find, is_a, lacks_item, name_of

__all__ = ["Filled", "Insertion", "fill", "interpolate", "joined"]

# A run of braces is taken whole: as in an f-string two of them stand for one, and the rest holds the field.
_FIELD = re.compile(
    rf"(?P<opening>{{(?<!{{{{){{*+)(?P<name>[^\W\d]\w*)(?P<path>{PATH})(?P<repr>!r)?(?::(?P<spec>[^{{}}\n]*))?(?P<closing>}}++)"
)
_CALL = re.compile(rf"(?<!{{){{(?P<name>[^\W\d]\w*){PATH}\(\s*(?P<first>[^\W\d]\w*)?[^{{}}\n]*}}(?!}})")
_MOST_NOTES = 3
_MOST_GUESSES = 8  # names that are compared with those of the namespace
_SHORTEST_NAME = 3  # characters of a name that can be a misspelt one


class Insertion(NamedTuple):
    """What went in: its name as it was typed, and the text or picture."""

    name: str
    piece: Piece


@dataclass(frozen=True)
class Filled(Mixed):
    """A prompt with its values in, what those were, and what is to be said about fields that stayed as typed."""

    inserted: Sequence[Insertion] = ()
    notes: Sequence[str] = ()


@dataclass
class _Filling:
    """A prompt while its fields are replaced."""

    namespace: Mapping[str, Any]
    display: Display
    cells: Any
    notes: dict[str, None] = field(default_factory=dict)  # in their order, each once
    unknown: dict[str, re.Match[str]] = field(default_factory=dict)

    def replacement(self, match: re.Match[str]) -> list[str | Insertion]:
        opening, closing = len(match["opening"]), len(match["closing"])
        typed = _typed(match)
        value = find(_name(match), match["path"], self.namespace)
        if value is MISSING:
            self._note_unfound(match, typed)
            return [match.group()]
        depth = min(opening, closing)
        braces = depth // 2
        before, after = "{" * (opening - depth + braces), "}" * (closing - depth + braces)
        if depth % 2 == 0:
            return [before + typed[1:-1] + after]
        piece = self._piece(typed, value, match)
        if piece is None:
            return [match.group()]
        return [before, Insertion(typed, piece), after]

    def _piece(self, typed: str, value: Any, match: re.Match[str]) -> Piece | None:
        try:
            if match["spec"] or match["repr"]:
                return formatted(value, match["spec"] or "", as_repr=bool(match["repr"]))
            return describe(value, self.display, self.cells)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a value's own code may do anything, leave the program too
            self._note(typed, _told(error))
            return None

    def _note_unfound(self, match: re.Match[str], typed: str) -> None:
        name = _name(match)
        if lacks_item(name, match["path"], self.namespace):
            self._note(typed, "there is no such item")
        elif not (name.startswith("__") or is_a(self.namespace[name], ModuleType)):
            self._note(typed, "nothing is run to find it; give it a name of its own")

    def _note(self, typed: str, why: str) -> None:
        self.notes[f"{one_line(typed, 80)} stays as typed: {why}"] = None

    def point_at_calls(self, text: str) -> None:
        """Say of calls, such as an f-string would make with what is there, that they are none here."""
        for match in _CALL.finditer(text):
            of_python = hasattr(builtins, match["name"]) and match["first"] in self.namespace
            if of_python or match["name"] in self.namespace:
                self._note(match.group(), "nothing is called; give the result a name of its own")

    def point_at_close_names(self) -> None:
        """Say of names that are not there which ones they look like."""
        known = {name.lower(): name for name in self.namespace if not name.startswith("_")}
        by_letters = {"".join(sorted(name)): name for name in known}  # swapped letters are far apart for difflib
        names = [name for name in self.unknown if len(name) >= _SHORTEST_NAME and not name.startswith("__")]
        for name in names[:_MOST_GUESSES]:
            near = by_letters.get("".join(sorted(name.lower())))
            for found in [near] if near else difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.8):
                self._note(_typed(self.unknown[name]), f"did you mean {{{known[found]}}}?")


def interpolate(text: str, namespace: Mapping[str, Any], display: Display) -> Filled:
    """``text`` with the values of ``namespace`` in it.  Raises nothing but what an interrupt raises."""
    return joined(*fill(text, namespace, display, namespace.get("_ih")))


def fill(
    text: str, namespace: Mapping[str, Any], display: Display, cells: Any = ()
) -> tuple[list[str | Insertion], list[str]]:
    """What was typed and what went in between, in their order, and the notes.

    What was typed may be filled again, with other names; ``cells`` are the sources of the notebook's cells.
    """
    filling = _Filling(namespace, display, cells)
    parts: list[str | Insertion] = []
    position = 0
    for match in _FIELD.finditer(text):
        if (name := _name(match)) not in namespace:
            filling.unknown.setdefault(name, match)
            continue
        parts += [text[position : match.start()], *filling.replacement(match)]
        position = match.end()
    parts.append(text[position:])
    filling.point_at_calls(text)
    filling.point_at_close_names()
    return parts, _few(list(filling.notes))


def joined(parts: Iterable[str | Insertion], notes: Sequence[str] = ()) -> Filled:
    """The prompt that ``parts`` make, one behind the other."""
    parts = list(parts)
    inserted = [part for part in parts if isinstance(part, Insertion)]
    return Filled([part if isinstance(part, str) else part.piece for part in parts], inserted, notes)


def _name(match: re.Match[str]) -> str:
    """The name of a field as Python would read it: a keyboard's micro sign is the letter mu."""
    return unicodedata.normalize("NFKC", match["name"])


def _typed(match: re.Match[str]) -> str:
    """A field as it was typed, in one pair of braces."""
    return match.group()[len(match["opening"]) - 1 : len(match.group()) - len(match["closing"]) + 1]


def _few(notes: list[str]) -> list[str]:
    more = len(notes) - _MOST_NOTES
    return notes if more <= 0 else [*notes[:_MOST_NOTES], f"{more} more braces stay as typed"]


def _told(error: BaseException) -> str:
    """An error by its name, and by its words where those are plain ones: its own ``__str__`` is not asked."""
    words = error.args[0] if error.args and type(error.args[0]) is str else ""
    return f"{name_of(type(error))}: {one_line(words, 120)}" if words else name_of(type(error))
