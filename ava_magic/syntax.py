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

__all__ = ["Transform", "statements"]

_CELL = re.compile(r"%%ava(?![^\s])(?P<line>[^\n]*)\n?")
_LINE = re.compile(
    r"(?P<indent>[ \t]*)(?P<target>return[ \t]+|[^\n%]*?=[ \t]*)?%ava(?![^\s])[ \t]*(?P<line>.*)", re.DOTALL
)
_NOT_PYTHON = re.compile(r"[ \t]*(?:[%!?]|(?:return[ \t]+|[^\n'\"#=!<>]*=[ \t]*)[%!](?=\w))")
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
_CONTINUED = re.compile(r"[^\n]*(?<!\\)(?:\\\\)*\\\n")


class Transform:
    """For ``shell.input_transformers_cleanup``.

    ``can_await`` is asked whether the code at hand will be run so that a top-level ``await`` works.
    """

    def __init__(self, can_await: Callable[[], bool]) -> None:
        self._can_await = can_await

    def __call__(self, lines: list[str]) -> list[str]:
        """The lines of a cell, each with its line end, as plain Python where the magics stood."""
        source = "".join(lines)
        if "%ava" not in source:
            return lines
        if cell := _CELL.match(source):
            return [_call(cell["line"].strip(), source[cell.end() :], awaits=self._can_await()) + "\n"]
        return self._rewrite(source).splitlines(keepends=True)

    def _rewrite(self, source: str) -> str:
        scopes: list[tuple[int, str]] = []
        return "".join([self._rewrite_statement(statement, scopes) for statement in statements(source)])

    def _rewrite_statement(self, statement: str, scopes: list[tuple[int, str]]) -> str:
        """One statement; ``scopes`` is the stack of functions and classes around it, each with its indent."""
        if statement.strip():
            indent = _indent(statement)
            while scopes and scopes[-1][0] >= indent:
                scopes.pop()
            if scope := _SCOPE.match(statement):
                scopes.append((indent, scope["kind"]))
        magic = _LINE.match(statement)
        if not magic or not _is_target(magic["target"]):
            return statement
        awaits = scopes[-1][1].startswith("async") if scopes else self._can_await()
        line = re.sub(r"\s*\\\n\s*", " ", magic["line"]).strip()
        call = _call(line, awaits=awaits, in_function=bool(scopes))
        return f"{magic['indent']}{magic['target'] or ''}{call}\n"


def statements(source: str) -> Iterator[str]:
    """The logical lines of a cell, magics and shell commands among them, each with its line end."""
    start = 0
    while start < len(source):
        end = _end_of_raw_line(source, start) if _NOT_PYTHON.match(source, start) else _end_of_python(source, start)
        yield source[start:end]
        start = end


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


def _is_target(target: str | None) -> bool:
    """Whether ``target`` is ``return``, or the left side of an assignment up to and with its ``=``."""
    if target is None or target.startswith("return"):
        return True
    try:
        tree = ast.parse(f"{target} 0")
    except (SyntaxError, ValueError):
        return False
    return len(tree.body) == 1 and isinstance(tree.body[0], ast.Assign | ast.AugAssign | ast.AnnAssign)


def _call(line: str, cell: str | None = None, *, awaits: bool, in_function: bool = False) -> str:
    arguments = repr(line) if cell is None else f"{line!r}, {cell!r}"
    if not awaits:
        return f"get_ipython().run_{'line' if cell is None else 'cell'}_magic('ava', {arguments})"
    if in_function:  # IPython finds a function's variables by itself only for the call above
        arguments += ", local_ns=locals()"
    return f"await get_ipython().magics_manager.registry['AvaMagics'].awaited({arguments})"
