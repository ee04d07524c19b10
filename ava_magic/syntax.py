"""The input transform: what the user types after ``%ava`` reaches the magic as it was typed.

IPython's own transforms come after this one and would take a prompt that ends in ``?`` for a call for help, so the
magics are turned into plain Python first.  Where an ``await`` can stand, they become one, and the kernel runs them in
its own loop, as it does any cell that awaits; elsewhere they become the call that IPython itself would make::

    %ava what is a list?            await get_ipython().magics_manager.registry['AvaMagics'].awaited('what is a list?')
    def f():                        def f():
        answer = %ava hello             answer = get_ipython().run_line_magic('ava', 'hello')

A cell is not Python until all transforms have run, so no Python parser can read it here.  The scanner below knows just
enough of Python's lexical rules (reference, chapter 2) to tell where statements begin.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["CELL", "Transform", "asks_for_help", "statements"]

CELL = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*%%ava(?!\S)")
"""The beginning of a cell that is a question, up to its line of options."""

_AVA = re.compile(r"%ava(?!\S)[ \t]*(?P<line>.*)", re.DOTALL)
_WITHIN = re.compile(r"\A([ \t]*)%(time|timeit|prun)[ \t]+([^\n]*%ava(?!\S)[^\n]*)\n?\Z")
_ESCAPE = re.compile(r"[ \t]*(?=[%!?])|[^\n]*?(?:=[ \t]*|\breturn[ \t]+)(?=[%!]\w)")
_SCOPE = re.compile(r"[ \t]*(?P<kind>async[ \t]+def|def|class)\b")
_TOKEN = re.compile(
    r"""\#[^\n]*
    |(?P<triple>\"{3}|'{3})
    |'(?:\\.|[^'\\\n])*'?|"(?:\\.|[^"\\\n])*"?
    |\\\n
    |(?P<bracket>[()\[\]{}])
    |(?P<newline>\n)""",
    re.VERBOSE | re.DOTALL,
)
_LINE_ENDS = re.compile(r"(?<!\\)((?:\\\\)*)[ \t]*\\\n[ \t]*")
_CONTINUED = re.compile(r"[^\n]*(?<!\\)(?:\\\\)*\\\n")


class Transform:
    """For ``shell.input_transformers_cleanup``.

    ``can_await`` is asked whether the code at hand will be run so that a top-level ``await`` works.
    """

    has_side_effects = True  # for IPython: not to be run when it only asks whether a cell is complete

    def __init__(self, can_await: Callable[[], bool]) -> None:
        self._can_await = can_await

    def __call__(self, lines: list[str]) -> list[str]:
        """The lines of a cell, each with its line end, as plain Python where the magics stood."""
        source = "".join(lines).replace("\r\n", "\n")
        if "%ava" not in source:
            return lines
        if cell := CELL.match(source):
            line, _, body = source[cell.end() :].partition("\n")
            return [_call(line.strip(), body, awaits=self._can_await()) + "\n"]
        if source.lstrip().startswith("%%"):
            return lines  # the body belongs to that magic, which may come back here with it
        scopes: list[tuple[int, str]] = []
        code = [self._rewrite(statement, escape, scopes) for statement, escape in statements(source)]
        return "".join(code).splitlines(keepends=True)

    def _rewrite(self, statement: str, escape: int, scopes: list[tuple[int, str]]) -> str:
        """One statement; ``scopes`` is the stack of functions and classes around it, each with its indent."""
        if statement.strip() and not statement.lstrip().startswith("#"):
            indent = _indent(statement)
            while scopes and scopes[-1][0] >= indent:
                scopes.pop()
            if scope := _SCOPE.match(statement):
                scopes.append((indent, scope["kind"]))
        magic = _AVA.match(statement, escape) if escape >= 0 else None
        if magic is None:
            return _WITHIN.sub(
                lambda other: f"{other[1]}get_ipython().run_line_magic({other[2]!r}, {other[3]!r})\n", statement
            )
        awaits = scopes[-1][1].startswith("async") if scopes else self._can_await()
        line = _LINE_ENDS.sub(r"\1 ", magic["line"].rstrip("\n")).strip()
        return statement[:escape] + _call(line, awaits=awaits, in_function=bool(scopes)) + "\n"


def asks_for_help(source: str) -> bool:
    """Whether IPython, which nothing transforms before it, takes a question in this cell for a call for help."""
    return not source.lstrip().startswith("%%") and any(
        escape >= 0 and statement.rstrip().endswith("?") and _AVA.match(statement, escape)
        for statement, escape in statements(source)
    )


def statements(source: str) -> Iterator[tuple[str, int]]:
    """The logical lines of a cell with their line ends, and where in each a magic or shell command begins, or -1."""
    start = 0
    while start < len(source):
        escape = _escape(source, start)
        end = _end_of_python(source, start) if escape < 0 else _end_of_raw_line(source, start)
        yield source[start:end], escape - start if escape >= 0 else -1
        start = end


def _escape(source: str, start: int) -> int:
    """Where the line at ``start`` stops being Python, or -1: at a ``%``, ``!`` or ``?`` that begins or is assigned."""
    position = start
    while match := _ESCAPE.match(source, position):
        if _takes_a_value(source[start : match.end()].strip()):
            return match.end()
        position = match.end() + 1
    return -1


def _end_of_raw_line(source: str, position: int) -> int:
    while match := _CONTINUED.match(source, position):
        position = match.end()
    return source.find("\n", position) + 1 or len(source)


def _end_of_python(source: str, position: int) -> int:
    depth = 0
    while token := _TOKEN.search(source, position):
        position = token.end()
        if token["triple"]:
            closing = re.compile(rf"\\.|({token['triple']})", re.DOTALL)
            position = next((m.end() for m in closing.finditer(source, position) if m[1]), len(source))
        elif token["bracket"]:
            depth += 1 if token["bracket"] in "([{" else -1
        elif token["newline"] and depth <= 0:
            return position
    return len(source)


def _indent(statement: str) -> int:
    code = statement.expandtabs(8)
    return len(code) - len(code.lstrip(" "))


def _takes_a_value(code: str) -> bool:
    """Whether ``code`` is nothing, ``return``, or the left side of an assignment up to and with its ``=``."""
    if code in ("", "return"):
        return True
    try:
        last: Any = ast.parse(f"{code} 0")
    except (SyntaxError, ValueError):
        return False
    while getattr(last, "body", None):  # the statement may stand behind a colon
        last = last.body[-1]
    value = last.value if isinstance(last, ast.Assign | ast.AugAssign | ast.AnnAssign) else None
    return value is not None and value.end_col_offset == len(f"{code} 0".encode())  # else the 0 stands in a comment


def _call(line: str, cell: str | None = None, *, awaits: bool, in_function: bool = False) -> str:
    arguments = repr(line) if cell is None else f"{line!r}, {cell!r}"
    if not awaits:
        return f"get_ipython().run_{'line' if cell is None else 'cell'}_magic('ava', {arguments})"
    if in_function:  # IPython finds a function's variables by itself only for the call above
        arguments += ", local_ns=locals()"
    return f"await get_ipython().magics_manager.registry['AvaMagics'].awaited({arguments})"
