"""The prompt: what the user typed, with values of the notebook where braces name them.

Pure: it is given the namespace, and a function that describes a value as the notebook would show it.  Nothing of the
user's is called to find a value: no property, no descriptor, no ``__getattr__``, no ``__getitem__`` of their own.
"""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Callable, Mapping
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType, ModuleType
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
_MRO: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
_DICT: Callable[[type], Mapping[str, Any]] = type.__dict__["__dict__"].__get__
_BUDGET = 8_000
_SECRET_NAME = re.compile(r"(?:^|_)(?:API_KEY|TOKEN)$")


class Filled(NamedTuple):
    """A prompt with its values in: ``text``, and ``inserted``: each field as typed, with its size in characters."""

    text: str
    inserted: list[tuple[str, int]]


def interpolate(text: str, namespace: Mapping[str, Any], describe: Callable[[Any], str | None]) -> Filled:
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
        if _is_a(value, ModuleType):
            return _MISSING
        if step["attribute"]:
            value = _attribute(value, step["attribute"])
        elif step["index"] is not None:
            value = _item(value, int(step["index"]))
        else:
            value = _item(value, step["key"])
    return _MISSING if _is_a(value, ModuleType) else value


def _is_a(value: Any, kind: type) -> bool:
    """``isinstance``, which would ask the value's own ``__class__``."""
    return issubclass(type(value), kind)


def _attribute(value: Any, name: str) -> Any:
    """A plain attribute: one that is stored, in the instance, in a slot or in the class, and not computed."""
    if value is _MISSING or name.startswith("_"):
        return _MISSING
    in_class = _class_attribute(type(value), name)
    if type(in_class) is MemberDescriptorType:
        try:
            return in_class.__get__(value)
        except AttributeError:  # an empty slot
            return _MISSING
    found = _class_attribute(value, name) if _is_a(value, type) else dict.get(_instance_dict(value), name, in_class)
    is_computed = _class_attribute(type(found), "__get__") is not _MISSING
    return _MISSING if is_computed else found


def _class_attribute(kind: type, name: str) -> Any:
    """What a class or its bases store under ``name``.  ``inspect.getattr_static`` would run a metaclass's hooks."""
    for base in _MRO(kind):
        if name in (stored := _DICT(base)):
            return stored[name]
    return _MISSING


def _instance_dict(value: Any) -> dict[str, Any]:
    """Where an instance stores its attributes, unless its class has put something else there."""
    access = _class_attribute(type(value), "__dict__")
    return access.__get__(value) if type(access) is GetSetDescriptorType else {}


def _item(value: Any, key: int | str) -> Any:
    """An item of a built-in container whose way to find it is the built-in one."""
    for kind in (dict, list, tuple, str):
        if _is_a(value, kind) and _class_attribute(type(value), "__getitem__") is _class_attribute(kind, "__getitem__"):
            if kind is dict:
                return dict.get(value, key, _MISSING)  # __getitem__ would call a __missing__
            try:
                return kind.__getitem__(value, key)  # type: ignore[index]  # a wrong kind of key raises TypeError
            except (IndexError, TypeError):
                return _MISSING
    return _MISSING


def _words_for(value: Any, spec: str | None, describe: Callable[[Any], str | None]) -> str | None:
    if spec:
        try:
            words = format(value, spec)
        except Exception:  # whatever a type makes of a format that is not its own
            return None
    elif type(value) is str:
        words = value
    elif (shown := _source_or_traceback(value) or describe(value)) is None:
        return None
    else:
        words = shown
    if len(words) <= _BUDGET:
        return words
    half = _BUDGET // 2
    return f"{words[:half]}\n[... {len(words) - _BUDGET:,} characters left out ...]\n{words[-half:]}"


def _source_or_traceback(value: Any) -> str | None:
    """What a reader wants to see of a function, a class or an exception, ``None`` for other values."""
    try:
        if type(value) is FunctionType or type(value) is type:
            return inspect.getsource(value).strip("\n")
        if _is_a(value, BaseException):
            return "".join(traceback.format_exception(value)).strip("\n")
    except (OSError, TypeError):  # its source is not to be had
        pass
    return None
