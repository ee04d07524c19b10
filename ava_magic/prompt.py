"""The prompt: what the user typed, with values of the notebook where braces name them.

Pure: it is given the namespace, and a function that describes a value as the notebook would show it.  Nothing of the
user's is called to find a value: no property, no descriptor, no ``__getattr__``, no ``__getitem__`` of their own.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, NamedTuple

__all__ = ["Filled", "carried_secret", "interpolate"]

_FIELD = re.compile(
    r"""\{(?P<name>[^\W\d]\w*)
    (?P<path>(?:\.[^\W\d]\w*|\[(?:-?\d{1,9}|"[^"\\\n]*"|'[^'\\\n]*')\])*)
    (?::(?P<spec>[^{}\n]*))?\}""",
    re.VERBOSE,
)
_STEP = re.compile(r"\.(?P<attribute>\w+)|\[(?:(?P<index>-?\d+)|(?P<quote>[\"'])(?P<key>.*?)(?P=quote))\]")
_MISSING = object()
_BUDGET = 8_000
_SECRET_NAME = re.compile(r"(?:^|_)(?:API_KEY|TOKEN)$")


class Filled(NamedTuple):
    """A prompt with its values in: ``text``, and ``inserted``: each field as typed, with its size in characters."""

    text: str
    inserted: list[tuple[str, int]]


def interpolate(text: str, namespace: Mapping[str, Any], describe: Callable[[Any], str]) -> Filled:
    """``text`` with each ``{name}``, ``{name.attr}``, ``{name[0]}``, ``{name["key"]}`` (and ``:format``) replaced whose
    name is in ``namespace``; every other brace stays as typed, and what was inserted is not read again.
    """
    inserted: list[tuple[str, int]] = []

    def fill(match: re.Match[str]) -> str:
        value = _find(match["name"], match["path"], namespace)
        if value is _MISSING:
            return match.group()
        words = _words_for(value, match["spec"], describe)
        if words is None:
            return match.group()
        inserted.append((match.group(), len(words)))
        return words

    return Filled(_FIELD.sub(fill, text), inserted)


def carried_secret(text: str, environ: Mapping[str, str]) -> str | None:
    """The name of the environment variable whose secret stands in ``text``, if one does.

    Secrets are the values, of 12 characters or more, of the variables named ``*_API_KEY`` or ``*_TOKEN``.
    """
    for name, value in environ.items():
        if len(value) >= 12 and _SECRET_NAME.search(name) and value in text:
            return name
    return None


def _find(name: str, path: str, namespace: Mapping[str, Any]) -> Any:
    value = _MISSING if name.startswith("__") else namespace.get(name, _MISSING)
    for step in _STEP.finditer(path):
        if step["attribute"]:
            value = _attribute(value, step["attribute"])
        elif step["index"] is not None:
            value = _item(value, int(step["index"]))
        else:
            value = _item(value, step["key"])
    return _MISSING if isinstance(value, ModuleType) else value


def _attribute(value: Any, name: str) -> Any:
    """A plain attribute: one that is stored, not computed."""
    if value is _MISSING or isinstance(value, ModuleType) or name.startswith("_"):
        return _MISSING
    found = inspect.getattr_static(value, name, _MISSING)
    if type(found).__name__ == "member_descriptor":  # a slot: stored, and read without running anything of the user's
        return found.__get__(value, type(value)) if hasattr(found, "__get__") else _MISSING
    return _MISSING if hasattr(type(found), "__get__") else found


def _item(value: Any, key: int | str) -> Any:
    if isinstance(value, dict) and type(value).__getitem__ is dict.__getitem__:
        return dict.get(value, key, _MISSING)  # __getitem__ would call a subclass's __missing__
    for kind in (list, tuple, str):
        if isinstance(value, kind) and type(value).__getitem__ is kind.__getitem__ and isinstance(key, int):
            return value[key] if -len(value) <= key < len(value) else _MISSING
    return _MISSING


def _words_for(value: Any, spec: str | None, describe: Callable[[Any], str]) -> str | None:
    if spec:
        try:
            words = format(value, spec)
        except Exception:  # whatever a type makes of a format that is not its own
            return None
    elif type(value) is str:
        words = value
    else:
        words = describe(value)
    if len(words) <= _BUDGET:
        return words
    half = _BUDGET // 2
    return f"{words[:half]}\n[... {len(words) - _BUDGET:,} characters left out ...]\n{words[-half:]}"
