"""Python's types as JSON Schema, and JSON as values of them: dataclasses, and what their fields may be."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import functools
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, get_args, get_origin

from ..controls import one_line
from ..errors import AvaError

__all__ = ["Misfit", "form_of"]


class Misfit(Exception):
    """JSON that is not of the shape that was asked for; its words go to the model, so that it can mend it."""


class Form(NamedTuple):
    """A type as JSON: its schema (draft 2020-12), and ``build(value, place)``, which makes parsed JSON a value of it.

    ``build`` raises :class:`Misfit`, which names the ``place`` of what is wrong.
    """

    schema: dict[str, Any]
    build: Callable[[Any, str], Any]


def form_of(kind: Any) -> Form:
    """The form of a type.  Raises :class:`AvaError` (``config``) for one that has none."""
    forms = _Forms(kind)
    form = forms.of(kind, getattr(kind, "__name__", str(kind)))
    # A dataclass stands at the top and not in $defs: endpoints want an object there.
    schema = forms.definitions.pop("#", form.schema)
    return Form(schema | ({"$defs": forms.definitions} if forms.definitions else {}), form.build)


_SCALARS: Mapping[Any, tuple[str, tuple[type, ...]]] = {
    str: ("string", (str,)),
    int: ("integer", (int,)),
    float: ("number", (int, float)),
    bool: ("boolean", (bool,)),
    types.NoneType: ("null", (types.NoneType,)),
}
_TIMES: Mapping[Any, str] = {datetime.datetime: "date-time", datetime.date: "date", datetime.time: "time"}
_LISTS = (list, tuple, set, frozenset)


class _Forms:
    """The forms of a type and of what is in it; ``definitions`` are the schemas of its dataclasses, by name."""

    def __init__(self, root: Any) -> None:
        self.definitions: dict[str, Any] = {}
        self._names: dict[type, str] = {root: "#"} if isinstance(root, type) else {}
        self._builders: dict[type, Callable[[Any, str], Any]] = {}

    def of(self, kind: Any, where: str) -> Form:
        origin, inner = get_origin(kind) or kind, get_args(kind)
        if origin is typing.Annotated:
            return self.of(inner[0], where)
        if origin in (typing.Union, types.UnionType):
            return _one_of_these([self.of(choice, where) for choice in inner])
        if origin is dict and (inner or (str,))[0] is str:
            return _mapping(self.of(inner[1] if inner else Any, where))
        if origin in _LISTS:
            return self._list(origin, inner, where)
        if isinstance(origin, type) and dataclasses.is_dataclass(origin):
            return self._dataclass(origin)
        if (form := _simple(origin, inner)) is None:
            raise AvaError(f"{where} is of the type {one_line(repr(kind), 80)}, which has no form in JSON", "config")
        return form

    def _dataclass(self, kind: type) -> Form:
        """A dataclass by its name, so that it may hold others of its own kind."""
        if kind not in self._builders:
            name = self._names.setdefault(kind, kind.__name__)
            if name in self.definitions:  # another class of that name
                name = self._names[kind] = f"{name}_{len(self.definitions)}"
            self.definitions[name] = {}
            forms: list[Form] = []
            # Its form is made below, and only looked up when something is built: its fields may hold its own kind.
            self._builders[kind] = lambda value, place: forms[0].build(value, place)  # noqa: PLW0108  # none is there yet
            forms.append(self._fields(kind))
            self.definitions[name] = forms[0].schema
        name = self._names[kind]
        return Form({"$ref": name if name == "#" else f"#/$defs/{name}"}, self._builders[kind])

    def _fields(self, kind: Any) -> Form:
        try:
            hints = typing.get_type_hints(kind, include_extras=True)
        except Exception as error:  # an annotation is code
            raise AvaError(f"the fields of {kind.__name__} cannot be read: {error}", "config") from None
        fields = {field.name: field for field in dataclasses.fields(kind) if field.init}
        forms = {name: self.of(hints[name], f"{kind.__name__}.{name}") for name in fields}
        nothing = dataclasses.MISSING
        required = [name for name, f in fields.items() if f.default is nothing and f.default_factory is nothing]
        schema = {
            "type": "object",
            "properties": {name: form.schema for name, form in forms.items()},
            "required": required,
            "additionalProperties": False,
        }
        return Form(schema, functools.partial(_instance, kind, forms, required))

    def _list(self, kind: type, inner: Sequence[Any], where: str) -> Form:
        if kind is tuple and inner and inner[-1] is not ...:
            items = [self.of(item, where) for item in inner]
            size = {"minItems": len(items), "maxItems": len(items)}
            schema = {"type": "array", "prefixItems": [item.schema for item in items], **size}
            return Form(schema, functools.partial(_row, items))
        item = self.of(inner[0] if inner else Any, where)
        schema = {"type": "array", "items": item.schema}
        return Form(schema, functools.partial(_several, kind, item))


def _simple(kind: Any, inner: Sequence[Any]) -> Form | None:
    """The form of a type that has no others in it; ``inner`` are the values of a ``Literal``."""
    form = None
    if kind is Any:
        form = Form({}, lambda value, place: value)
    elif kind is typing.Literal:
        form = _choice({_key(value): value for value in inner}, list(inner))
    elif isinstance(kind, type) and issubclass(kind, enum.Enum):
        form = _choice({_key(member.value): member for member in kind}, [member.value for member in kind])
    elif isinstance(kind, type) and kind in _SCALARS:
        form = Form({"type": _SCALARS[kind][0]}, functools.partial(_scalar, kind))
    elif isinstance(kind, type) and kind in _TIMES:
        form = Form({"type": "string", "format": _TIMES[kind]}, functools.partial(_time, kind))
    return form


def _one_of_these(forms: Sequence[Form]) -> Form:
    def build(value: Any, place: str) -> Any:
        problems = []
        for form in forms:
            try:
                return form.build(value, place)
            except Misfit as misfit:
                problems.append(str(misfit))
        raise Misfit(" or else ".join(problems))

    return Form({"anyOf": [form.schema for form in forms]}, build)


def _choice(members: Mapping[Any, Any], values: list[Any]) -> Form:
    def build(value: Any, place: str) -> Any:
        if isinstance(value, str | int | float | bool | None) and _key(value) in members:
            return members[_key(value)]
        raise _misfit(place, f"one of {values}", value)

    return Form({"enum": values}, build)


def _mapping(item: Form) -> Form:
    def build(value: Any, place: str) -> Any:
        _expect(dict, value, place)
        return {name: item.build(inner, f"{place}.{name}") for name, inner in value.items()}

    return Form({"type": "object", "additionalProperties": item.schema}, build)


def _key(value: Any) -> Any:
    """``True`` is no ``1`` here."""
    return isinstance(value, bool), value


def _scalar(kind: type, value: Any, place: str) -> Any:
    name, kinds = _SCALARS[kind]
    if kind is int and type(value) is float and value.is_integer():
        value = int(value)  # JSON has but one kind of number
    if type(value) not in kinds:
        raise _misfit(place, f"of the type {name}", value)
    try:
        return float(value) if kind is float else value
    except OverflowError:
        raise _misfit(place, "a number that a float can hold", value) from None


def _time(kind: Any, value: Any, place: str) -> Any:
    try:
        return kind.fromisoformat(value)
    except (TypeError, ValueError):
        raise _misfit(place, f"a {_TIMES[kind]} in ISO 8601", value) from None


def _row(items: Sequence[Form], value: Any, place: str) -> tuple[Any, ...]:
    _expect(list, value, place)
    if len(value) != len(items):
        raise _misfit(place, f"an array of {len(items)}", value)
    return tuple(item.build(v, f"{place}[{i}]") for i, (item, v) in enumerate(zip(items, value, strict=True)))


def _several(kind: Any, item: Form, value: Any, place: str) -> Any:
    _expect(list, value, place)
    try:
        return kind(item.build(inner, f"{place}[{i}]") for i, inner in enumerate(value))
    except TypeError:  # a set of what cannot be in one
        raise _misfit(place, f"what can stand in a {kind.__name__}", value) from None


def _instance(kind: Any, forms: Mapping[str, Form], required: Sequence[str], value: Any, place: str) -> Any:
    _expect(dict, value, place)
    if missing := [name for name in required if name not in value]:
        raise Misfit(f"{place or 'the object'} lacks {', '.join(missing)}")
    if extra := [one_line(name, 60) for name in value if name not in forms]:
        raise Misfit(f"{place or 'the object'} has {', '.join(extra)}, which is not asked for")
    values = {name: forms[name].build(inner, f"{place}.{name}".lstrip(".")) for name, inner in value.items()}
    try:
        return kind(**values)
    except Exception as error:  # what its __post_init__ does not take
        raise Misfit(f"{place or 'the object'}: {one_line(str(error))}") from error


def _expect(kind: type, value: Any, place: str) -> None:
    if not isinstance(value, kind):
        raise _misfit(place, "an object" if kind is dict else "an array", value)


def _misfit(place: str, wanted: str, value: Any) -> Misfit:
    return Misfit(f"{place or 'the value'} must be {wanted}, and is {one_line(repr(value), 80)}")
