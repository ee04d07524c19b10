"""What a name and the path behind it lead to, with nothing run to find it.

No property, no descriptor, no ``__getattr__`` and no ``__getitem__`` of the user's is called, and none of a metaclass;
``inspect.getattr_static`` would call some of the latter.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import PurePath
from types import GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any, NamedTuple

__all__ = [
    "MISSING",
    "PATH",
    "attribute_names",
    "attributes_of",
    "bases_of",
    "class_attribute",
    "class_called",
    "find",
    "is_a",
    "is_exactly",
    "is_installed",
    "lacks_item",
    "module_of",
    "name_of",
    "qualified_name",
    "stored",
]

# What a class would tell of itself, read past a metaclass that would tell it otherwise.
attributes_of: Callable[[type], Mapping[str, Any]] = type.__dict__["__dict__"].__get__
name_of: Callable[[type], str] = type.__dict__["__name__"].__get__
_module: Callable[[type], Any] = type.__dict__["__module__"].__get__
qualified_name: Callable[[type], str] = type.__dict__["__qualname__"].__get__
bases_of: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__

MISSING = object()
"""Stands for a value that is not there, or that only a call could give."""

PATH = r"""(?:\.[^\W\d]\w*|\[(?:-?\d{1,9}|-?\d{0,9}:-?\d{0,9}|"[^"\\\n]*"|'[^'\\\n]*')\])*"""
"""A regular expression: ``.attribute``, ``[0]``, ``["key"]`` and ``[3:6]``, as often as they come."""

_STEP = re.compile(
    r"\.(?P<attribute>\w+)"
    r"|\[(?:(?P<start>-?\d*):(?P<stop>-?\d*)|(?P<index>-?\d+)|(?P<quote>[\"'])(?P<key>.*?)(?P=quote))\]"
)
_LIBRARIES = {"site-packages", "dist-packages"}


class _Single(NamedTuple):
    only: Any


# What reads a stored field: of a slot, and of a named tuple (where another Python has properties there, they stay out).
_KINDS: tuple[type, ...] = (MemberDescriptorType, type(attributes_of(_Single)["only"]))
_FIELDS = tuple(kind for kind in _KINDS if kind is not property)


def find(name: str, path: str, namespace: Mapping[str, Any]) -> Any:
    """The value, or :data:`MISSING`: for what is not there, what is computed or private, and modules."""
    value = MISSING if name.startswith("__") else namespace.get(name, MISSING)
    for step in _STEP.finditer(path):
        if is_a(value, ModuleType):
            return MISSING
        if step["attribute"]:
            value = _attribute(value, step["attribute"])
        elif step["key"] is not None:
            value = _item(value, step["key"])
        elif step["index"]:
            value = _item(value, int(step["index"]))
        elif name == "In" and step.group() == path:
            value = _cells(value, slice(*(int(end) if end else None for end in step.group("start", "stop"))))
        else:
            return MISSING
    return MISSING if is_a(value, ModuleType) else value


def lacks_item(name: str, path: str, namespace: Mapping[str, Any]) -> bool:
    """Whether ``path`` ends in an item that a built-in container does not have."""
    last = next(reversed([*_STEP.finditer(path)]), None)
    if last is None or not (last["index"] or last["key"] is not None):
        return False
    return _container(find(name, path[: last.start()], namespace)) is not None


def attribute_names(value: Any) -> list[str]:
    """The names of the attributes by which :func:`find` goes on from ``value``."""
    kinds = [*(bases_of(value) if is_a(value, type) else ()), *bases_of(type(value))]
    names = [name for names in (_instance_dict(value), *map(attributes_of, kinds)) for name in names]
    found = {name: _attribute(value, name) for name in names if type(name) is str and name.isidentifier()}
    return [name for name, each in found.items() if each is not MISSING and not is_a(each, ModuleType)]


def is_a(value: Any, kind: type) -> bool:
    """``isinstance``, which would ask the value's own ``__class__``."""
    return type.__subclasscheck__(kind, type(value))


def is_exactly(value: Any, *kinds: type | None) -> bool:
    """Whether ``value`` is of one of these very types; ``in`` would ask a metaclass whether they are equal."""
    return any(type(value) is kind for kind in kinds)


def class_attribute(kind: type, name: str) -> Any:
    """What a class or its bases store under ``name``."""
    for base in bases_of(kind):
        if name in (attributes := attributes_of(base)):
            return attributes[name]
    return MISSING


def _instance_dict(value: Any) -> dict[str, Any]:
    """Where an instance stores its attributes, unless its class has put something else there."""
    access = class_attribute(type(value), "__dict__")
    if not is_exactly(access, GetSetDescriptorType, MemberDescriptorType):  # the latter is a module's
        return {}
    try:
        found = access.__get__(value)
    except TypeError:  # it was taken from another class
        return {}
    return found if is_a(found, dict) else {}


def stored(value: Any, name: str) -> Any:
    """What an instance, or a module, stores under ``name`` itself."""
    return dict.get(_instance_dict(value), name, MISSING)


def module_of(kind: type) -> str:
    """The module that a class says it is from."""
    module = _module(kind)
    return module if type(module) is str else ""


def class_called(module: str, name: str) -> type | None:
    """A class of a library that is loaded already, ``None`` where it is not; nothing is imported."""
    found = stored(sys.modules[module], name) if module in sys.modules else None
    return found if is_a(found, type) else None


def is_installed(kind: type) -> bool:
    """Whether a class is an installed library's, and no user's: it stands where it says that it does."""
    module = module_of(kind)
    if not module or class_called(module, qualified_name(kind)) is not kind:
        return False
    path = stored(sys.modules[module], "__file__")
    return type(path) is str and not _LIBRARIES.isdisjoint(PurePath(path).parts)


def _cells(value: Any, numbers: slice) -> Any:
    """The sources of several cells as one text."""
    cells = _item(value, numbers)
    return "\n\n".join(filter(None, cells)) if type(cells) is list and {str} >= set(map(type, cells)) else MISSING


def _attribute(value: Any, name: str) -> Any:
    """A plain attribute: one that is stored, in the instance, a slot, a named tuple or the class, and not computed."""
    if value is MISSING or name.startswith("_"):
        return MISSING
    in_class = class_attribute(type(value), name)
    if is_exactly(in_class, *_FIELDS):
        try:
            return in_class.__get__(value, type(value))
        except (AttributeError, IndexError, TypeError):  # an empty slot, and no such field in what is no named tuple
            return MISSING
    found = class_attribute(value, name) if is_a(value, type) else dict.get(_instance_dict(value), name, in_class)
    is_computed = class_attribute(type(found), "__get__") is not MISSING
    return MISSING if is_computed else found


def _item(value: Any, key: int | str | slice) -> Any:
    """An item of a built-in container whose way to find it is the built-in one."""
    kind = _container(value)
    if kind is None:
        return MISSING
    try:  # a wrong kind of key raises TypeError
        if kind is dict:
            return dict.get(value, key, MISSING)  # __getitem__ would call a __missing__
        return kind.__getitem__(value, key)
    except (IndexError, TypeError):
        return MISSING


def _container(value: Any) -> Any:
    """The built-in container that ``value`` is, and finds its items as; ``None`` for anything else."""
    for kind in (dict, list, tuple, str):
        if is_a(value, kind) and class_attribute(type(value), "__getitem__") is class_attribute(kind, "__getitem__"):
            return kind
    return None
