"""The last error as a model can use it: the user's own frames, the cells that they stand in, and the versions.

Frames of libraries between the user's are summed up in a line.  Nothing of the user's is called, and nothing imported:
the frames are read as the interpreter left them, their lines from :mod:`linecache`, where IPython puts its cells.
"""

from __future__ import annotations

import itertools
import linecache
import re
import sys
import sysconfig
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from traceback import FrameSummary, StackSummary
from types import FrameType, ModuleType, TracebackType
from typing import Any, NamedTuple

from ..values.lookup import is_a, stored
from .cells import Cells
from .portable import HEADING, VERSIONS
from .versions import versions_of
from .words import error_words

__all__ = ["QUESTION", "report"]

QUESTION = "What is wrong and how is it mended?"
"""What is asked about an error where nothing else is."""

_MOST_ERRORS = 5  # of a chain, and of a group
_MOST_ENTRIES = 24  # of one traceback
_DEEPEST = 2  # groups, one in the other, whose errors are told with where they were raised; of others a line
_INSTALLED = re.compile(r".*[/\\](?:site|dist)-packages[/\\]", re.DOTALL)
_STANDARD = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib")]
_OURS = str(Path(__file__).parents[1])
_MACHINERY = {"IPython", "ipykernel", "ava_magic"}

_cause_of = vars(BaseException)["__cause__"].__get__
_context_of = vars(BaseException)["__context__"].__get__
_is_silent = vars(BaseException)["__suppress_context__"].__get__
_traceback_of = vars(BaseException)["__traceback__"].__get__
_CAUSE = "The above exception was the direct cause of the following exception:"
_CONTEXT = "During handling of the above exception, another exception occurred:"


def report(error: BaseException, typed: Sequence[str] = (), run: Sequence[str] = ()) -> str:
    """An error in words: its traceback, the sources of the cells in it, and the versions of what is in it.

    ``typed`` are the notebook's cells by their numbers as they were typed, ``run`` as they were run.
    """
    cells = Cells(typed, run)
    places: list[_Place] = []
    parts = [HEADING, *_told(error, cells, places)]
    parts += cells.sources((place.file, place.line) for place in places if cells.is_one(place.file))
    packages = dict.fromkeys(package for place in places for package in place.packages)
    wanted = (name for name in packages if name not in sys.stdlib_module_names and name not in _MACHINERY)
    versions = [f"Python {sys.version.split()[0]}", *versions_of(wanted)]
    return "\n\n".join([*parts, f"{VERSIONS}{', '.join(versions)}"])


class _Place(NamedTuple):
    """A line that a traceback goes through; ``path`` is its file's in the library that it is of, ``""`` for others."""

    file: str
    line: int
    path: str = ""
    packages: Sequence[str] = ()
    name: str = ""
    summary: FrameSummary | None = None


def _told(error: BaseException, cells: Cells, places: list[_Place], depth: int = 0) -> list[str]:
    """An error and those that led to it, part by part; ``places`` is told where they went through."""
    parts: list[str] = []
    for link, links_to_next in _chain(error):
        found = list(_places(link))
        places += [*found, *_syntax_place(link)]
        members = _members(link, cells, places, depth)
        parts += ["\n".join([_traceback(link, found, cells), *members]), *links_to_next]
    return parts


def _chain(error: BaseException) -> list[tuple[BaseException, list[str]]]:
    """An error and those that led to it, the first first, each with the words that lead to the next."""
    chain: list[tuple[BaseException, list[str]]] = []
    link: BaseException | None = error
    words: list[str] = []
    while link is not None and len(chain) < _MOST_ERRORS and all(link is not other for other, _ in chain):
        chain.insert(0, (link, words))
        cause, context = _cause_of(link), _context_of(link)
        words = [_CAUSE if cause is not None else _CONTEXT]
        link = cause if cause is not None else None if _is_silent(link) else context
    return chain


def _places(error: BaseException) -> Iterator[_Place]:
    """Where an error went through, less what IPython does to run a cell."""
    places = [_place(step) for step in _steps(_traceback_of(error))]
    if all(place.path for place in places):
        return itertools.dropwhile(lambda place: place.packages[0] in _MACHINERY, places)
    return itertools.dropwhile(lambda place: place.path, places)


def _steps(step: TracebackType | None) -> Iterator[TracebackType]:
    while step is not None:
        yield step
        step = step.tb_next


def _place(step: TracebackType) -> _Place:
    code = step.tb_frame.f_code
    line, end_line, column, end_column = next(
        itertools.islice(code.co_positions(), step.tb_lasti // 2, None), (None, None, None, None)
    )
    known: dict[str, Any] = (
        {"end_lineno": end_line, "colno": column, "end_colno": end_column} if line == step.tb_lineno else {}
    )
    path = _library_path(code.co_filename)
    packages = [re.split(r"[/\\.]", path)[0]] if path else [*_modules_named(step.tb_frame)]
    summary = FrameSummary(code.co_filename, step.tb_lineno, code.co_name, lookup_line=False, **known)
    return _Place(code.co_filename, step.tb_lineno, path, packages, code.co_name, summary)


def _library_path(file: str) -> str:
    """The path of a file in the library that it is of, ``""`` for a file of the user's."""
    if installed := _INSTALLED.match(file):
        return file[installed.end() :]
    if file.startswith("<frozen "):
        return file[len("<frozen ") : -1]
    if file.startswith(_OURS):
        return f"ava_magic{file[len(_OURS) :]}"
    home = next((home for home in _STANDARD if file.startswith((f"{home}/", f"{home}\\"))), None)
    return "" if home is None else file[len(home) + 1 :]


def _modules_named(frame: FrameType) -> Iterator[str]:
    """The modules that the code of a frame names: of one that is written in C a traceback shows no frame."""
    for name in frame.f_code.co_names:
        value = dict.get(frame.f_globals, name)
        if type(value) is ModuleType and type(module := stored(value, "__name__")) is str:
            yield module.partition(".")[0]


def _traceback(error: BaseException, places: Sequence[_Place], cells: Cells) -> str:
    """One error of a chain, as Python prints it, with the frames of libraries summed up."""
    entries: list[str] = []
    for package, group in itertools.groupby(places, lambda place: place.packages[0] if place.path else ""):
        frames = list(group)
        entries += [_of_library(package, frames)] if package else _of_user(frames, cells)
    if places and places[-1].path:
        entries.append(_code_of(places[-1]))
    if len(entries) > _MOST_ENTRIES:
        left_out = len(entries) - _MOST_ENTRIES
        half = _MOST_ENTRIES // 2
        entries[half:-half] = [f"  [{left_out} more left out]"]
    entries += [f"  {_where(place, cells)}{_syntax_code(error)}" for place in _syntax_place(error)]
    title = ["Traceback (most recent call last):"] if entries else []
    return "\n".join(filter(None, [*title, *entries, error_words(error)]))


def _of_user(frames: Sequence[_Place], cells: Cells) -> Iterator[str]:
    for (_, _, name), group in itertools.groupby(frames, lambda place: (place.file, place.line, place.name)):
        place, *same = group
        typed = cells.line(place.file, place.line) if cells.is_one(place.file) else None
        code = _code_of(place) if typed is None else f"    {typed.strip()}"
        yield f"  {_where(place, cells)}, in {name}\n{code}".rstrip()
        if same:
            yield f"  [the same {len(same)} more times]"


def _of_library(package: str, frames: Sequence[_Place]) -> str:
    last = frames[-1]
    count = f"{len(frames)} frames of {package}, the last: " if len(frames) > 1 else ""
    return f"  [{count}{last.path}, line {last.line}, in {last.name}]"


def _where(place: _Place, cells: Cells) -> str:
    if cells.is_one(place.file):
        return f"{cells.name(place.file)}, line {cells.place(place.file, place.line)}"
    return f"{_short(place.file)}, line {place.line}"


def _short(file: str) -> str:
    """A path as the user would say it: nothing in it tells who they are."""
    for home, name in ((Path.cwd(), ""), (Path.home(), "~/")):
        if Path(file).is_relative_to(home):
            return f"{name}{Path(file).relative_to(home)}"
    return file


def _code_of(place: _Place) -> str:
    """The code of a place as Python prints it, with the part underlined that raised."""
    linecache.checkcache(place.file)
    assert place.summary is not None
    return StackSummary.from_list([place.summary]).format()[0].partition("\n")[2].rstrip("\n")


def _syntax_place(error: BaseException) -> list[_Place]:
    """Where a syntax error is: it has no frame of the code that never ran."""
    if not is_a(error, SyntaxError):
        return []
    file, line = (vars(SyntaxError)[name].__get__(error) for name in ("filename", "lineno"))
    return [_Place(file, line)] if type(file) is str and type(line) is int else []


def _syntax_code(error: BaseException) -> str:
    text, column = (vars(SyntaxError)[name].__get__(error) for name in ("text", "offset"))
    if type(text) is not str or not text.strip():
        return ""
    code = f"\n    {text.strip()}"
    indent = len(text) - len(text.lstrip())
    return f"{code}\n    {' ' * (column - 1 - indent)}^" if type(column) is int and column > indent else code


def _members(error: BaseException, cells: Cells, places: list[_Place], depth: int) -> list[str]:
    """The errors in a group, numbered: where each was raised matters more than where they were gathered."""
    if not is_a(error, BaseExceptionGroup):
        return []
    members = vars(BaseExceptionGroup)["exceptions"].__get__(error)
    most = _MOST_ERRORS if depth == 0 else _MOST_ERRORS // 2
    lines: list[str] = []
    for number, member in enumerate(members[:most], 1):
        told = _told(member, cells, places, depth + 1) if depth < _DEEPEST else [error_words(member)]
        lines.append(f"  {number}. {textwrap.indent(chr(10).join(told), '     ').lstrip()}")
    return [*lines, f"  [{len(members) - most} more left out]"] if len(members) > most else lines
