"""What an exception says, with nothing of the user's called to learn it.

``str`` of an exception runs the ``__str__`` of its class and the ``__repr__`` of what it was raised with; either may
print, raise or never end.  So an exception is read as the interpreter stores it, and asked for its message only where
Python or an installed library wrote all the code that would run.
"""

from __future__ import annotations

import builtins
import re
import sys
from types import WrapperDescriptorType
from typing import Any

from ..values.describe import cut
from ..values.lookup import (
    attributes_of,
    bases_of,
    class_called,
    is_a,
    is_exactly,
    is_installed,
    module_of,
    name_of,
    qualified_name,
    stored,
)

__all__ = ["error_words"]

_BUDGET = 2_000
_MOST_ITEMS = 1_000
_args = vars(BaseException)["args"].__get__
_stored = vars(BaseException)["__dict__"].__get__
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_PLAIN = (str, int, float, complex, bool, bytes, type(None), type(...))
_CONTAINERS = (tuple, list, set, frozenset, dict)

# What a message of Python's own reads beside the arguments.
_READ = {OSError: ("errno", "strerror", "filename", "filename2"), ImportError: ("msg",)}


def _error_name(error: BaseException) -> str:
    """The name of an exception's class, as a traceback gives it."""
    kind = type(error)
    module = module_of(kind)
    return qualified_name(kind) if module in ("builtins", "__main__", "") else f"{module}.{qualified_name(kind)}"


def error_words(error: BaseException) -> str:
    """The last line of its traceback, and its notes."""
    lines = [": ".join(filter(None, [_error_name(error), cut(_COLOUR.sub("", _message(error)), _BUDGET)]))]
    notes = stored(error, "__notes__")
    if type(notes) is list:
        lines += [cut(note, _BUDGET) for note in notes if type(note) is str]
    return "\n".join(lines)


def _is_a_librarys(kind: type) -> bool:
    """Whether a class is Python's own or an installed library's."""
    module = module_of(kind)
    if module.partition(".")[0] in sys.stdlib_module_names:  # __main__ is none of them
        return class_called(module, qualified_name(kind)) is kind or module == "builtins"
    return is_installed(kind)


def _message(error: BaseException) -> str:
    args = _args(error)
    kind = next(kind for kind in bases_of(type(error)) if "__str__" in attributes_of(kind))
    write = attributes_of(kind)["__str__"]
    is_pythons = type(write) is WrapperDescriptorType and getattr(builtins, name_of(kind), None) is kind
    if is_pythons:
        read = [vars(base)[name].__get__(error) for base, names in _READ.items() if is_a(error, base) for name in names]
    else:
        read = list(dict.values(_stored(error)))
    if is_pythons and is_a(error, SyntaxError) and type(words := vars(SyntaxError)["msg"].__get__(error)) is str:
        return words  # its own message has the file's name behind it, which no reader knows
    if (is_pythons or _is_a_librarys(type(error))) and all(map(_is_harmless, [*args, *read])):
        try:
            words = write(error)
        except Exception:  # a library's, which was not initialised as it should be
            words = None
        if type(words) is str:
            return words
    told = ", ".join(map(_told, args))
    return told if is_pythons else f"{told} (the code that would say more was not run)".lstrip()


def _is_harmless(value: Any, depth: int = 4) -> bool:
    """Whether no code of the user's runs when ``value`` is written down."""
    kind = type(value)
    if is_exactly(value, *_CONTAINERS):
        items = [*value, *value.values()] if kind is dict else value
        return depth > 0 and len(items) < _MOST_ITEMS and all(_is_harmless(item, depth - 1) for item in items)
    return is_exactly(value, *_PLAIN) or (not is_a(value, type) and _is_a_librarys(kind))


def _told(value: Any) -> str:
    """An argument of an exception in words: itself where it is plain, else of which class it is."""
    if is_exactly(value, *_PLAIN):
        return value if type(value) is str else repr(value)
    return f"<{qualified_name(type(value))} object>"
