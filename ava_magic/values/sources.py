"""What a reader wants to see of a function, a class or an exception: its source, or its traceback.

``inspect.getsource`` does not know a class that was defined in a cell before Python 3.13, follows ``__wrapped__`` into
whatever it finds there, and asks every loaded module for its file.  So the lines are taken from where IPython, as the
interpreter itself, keeps them: :mod:`linecache`.
"""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import sys
import textwrap
import traceback
from collections.abc import Iterator
from types import CodeType, FunctionType, MethodType
from typing import Any

from .lookup import attributes_of, is_a, is_exactly, module_of, qualified_name, stored

__all__ = ["source_of", "traceback_of"]

_WRAPPERS = (FunctionType, functools._lru_cache_wrapper)


def source_of(value: Any, cells: Any = ()) -> str | None:
    """The source of a function or a class, ``None`` where it is not to be had, and for other values.

    ``cells`` are the sources of the notebook's cells, oldest first: a class without a method can be found only there.
    """
    if is_a(value, type):
        return _class_source(value, cells)
    if type(value) is MethodType:
        value = value.__func__
    while is_exactly(value, *_WRAPPERS) and is_exactly(inner := stored(value, "__wrapped__"), *_WRAPPERS):
        value = inner
    return _function_source(value.__code__) if type(value) is FunctionType else None


def traceback_of(error: BaseException) -> str:
    """The traceback as Python prints it, without colours."""
    return "".join(traceback.format_exception(error)).strip("\n")


def _function_source(code: CodeType) -> str | None:
    lines = _lines(code.co_filename)
    if not 0 < code.co_firstlineno <= len(lines):
        return None
    return textwrap.dedent("".join(inspect.getblock(lines[code.co_firstlineno - 1 :]))).strip("\n")


def _class_source(kind: type, cells: Any) -> str | None:
    return next(filter(None, (_class_in(text, qualified_name(kind)) for text in _places(kind, cells))), None)


def _places(kind: type, cells: Any) -> Iterator[str]:
    """The texts in which a class may have been defined, the likeliest first."""
    files = [value.__code__.co_filename for value in attributes_of(kind).values() if type(value) is FunctionType]
    module = module_of(kind)
    path = stored(sys.modules.get(module), "__file__")
    for file in dict.fromkeys([*files, path] if type(path) is str else files):
        if lines := _lines(file):
            yield "".join(lines)
    if module == "__main__" and type(cells) is list:
        yield from (cell for cell in reversed(cells) if type(cell) is str)


def _class_in(text: str, path: str) -> str | None:
    """The definition of a class in a module's or a cell's source; the last, where it is defined more than once."""
    *outer, name = path.replace(".<locals>", "").split(".")
    if f"class {name}" not in text:
        return None
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    found = [node for node in _definitions(tree, outer) if isinstance(node, ast.ClassDef) and node.name == name]
    if not found:
        return None
    nodes: list[ast.stmt | ast.expr] = [found[-1], *found[-1].decorator_list]
    first = min(node.lineno for node in nodes)
    return textwrap.dedent("\n".join(text.split("\n")[first - 1 : found[-1].end_lineno]))


def _definitions(tree: ast.AST, outer: list[str]) -> Iterator[ast.AST]:
    """The nodes of a body, or of the functions and classes in it that lie one in the other by their names."""
    nodes = [tree]
    for name in outer:
        nodes = [inner for node in nodes for inner in _inside(node) if getattr(inner, "name", None) == name]
    for node in nodes:
        yield from _inside(node)


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    """What a body holds, under its ``if`` and ``try`` as well."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.expr):
            yield from _inside(child)


def _lines(file: str) -> list[str]:
    linecache.checkcache(file)
    return linecache.getlines(file)
