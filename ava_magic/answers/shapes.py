"""The shape that data must have: a JSON Schema, a dataclass or a pydantic model, by one interface."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import GenericAlias
from typing import Any

from ..controls import one_line
from ..errors import AvaError
from ..values.lookup import MISSING, class_attribute, is_a
from .json_types import Misfit, form_of
from .references import validator_of

__all__ = ["Shape", "is_shape", "shape_of"]

_MOST_PROBLEMS = 5  # that a model is told at once


@dataclass(frozen=True, slots=True)
class Shape:
    """What data must be.

    ``name`` is for people and endpoints, ``schema`` is its JSON Schema, and ``build`` makes a value of parsed JSON or
    raises :class:`Misfit`.  ``checks`` is false where nothing is there to check it with.
    """

    name: str
    schema: Mapping[str, Any]
    build: Callable[[Any], Any]
    checks: bool = True

    def response_format(self) -> dict[str, Any]:
        """The field of a request that asks an endpoint for this shape.

        Not ``strict``: that allows only part of JSON Schema (https://platform.openai.com/docs/guides/structured-outputs).
        """
        name = re.sub(r"[^A-Za-z0-9_-]", "_", self.name)[:64] or "reply"
        return {"type": "json_schema", "json_schema": {"name": name, "schema": dict(self.schema)}}


def shape_of(kind: Any) -> Shape:
    """The shape that ``kind`` stands for.

    It is a dict (a JSON Schema), a dataclass, a pydantic model, or a type made of these such as ``list[Person]``.
    Raises :class:`AvaError` (``config``) for anything else, and for a dict that is no JSON Schema.
    """
    if isinstance(kind, dict):
        return _from_schema(kind)
    if isinstance(kind, type) and hasattr(kind, "model_json_schema"):
        return _from_model(kind)
    if is_shape(kind):
        form = form_of(kind)
        return Shape(getattr(kind, "__name__", "reply"), form.schema, lambda value: form.build(value, ""))
    raise AvaError(
        f"a schema is a dict with a JSON Schema, a dataclass or a pydantic model, not {one_line(type(kind).__name__)}",
        "config",
    )


def is_shape(value: Any) -> bool:
    """Whether a value is of a kind that :func:`shape_of` takes, as far as can be told with nothing of it run."""
    if is_a(value, type):
        return any(class_attribute(value, name) is not MISSING for name in _MARKS)
    return type(value) is dict or (type(value) is GenericAlias and value.__origin__ in (list, dict, tuple))


_MARKS = ("__dataclass_fields__", "__pydantic_core_schema__")


def _from_schema(schema: Mapping[str, Any]) -> Shape:
    """A JSON Schema, which needs jsonschema to be checked."""
    title = schema.get("title")
    name = title if isinstance(title, str) else "reply"
    try:
        json.dumps(schema)
    except (TypeError, ValueError, RecursionError) as error:
        raise AvaError(f"the schema cannot be written as JSON: {error}", "config") from None
    try:
        import jsonschema.validators
    except ImportError:
        return Shape(name, schema, lambda value: value, checks=False)
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(dict(schema))
    except jsonschema.SchemaError as error:
        raise AvaError(f"the schema is no JSON Schema: {one_line(error.message)}", "config") from None
    try:
        validator = validator_of(kind, schema)
    except LookupError as error:
        raise AvaError(f"the schema cannot be used: {one_line(str(error))}", "config") from None

    def build(value: Any) -> Any:
        try:
            errors = sorted(itertools.islice(validator.iter_errors(value), _MOST_PROBLEMS), key=lambda e: e.json_path)
        except Exception as error:  # a reference without an end, or in older versions one that leads nowhere
            raise AvaError(f"the schema cannot be used: {one_line(str(error))}", "config") from None
        if errors:
            problems = (f"{error.json_path.removeprefix('$.')}: {one_line(error.message, 120)}" for error in errors)
            raise Misfit("; ".join(problems))
        return value

    return Shape(name, schema, build)


def _from_model(model: Any) -> Shape:
    """A pydantic model (version 2)."""
    try:
        schema = model.model_json_schema()
    except Exception as error:  # a field for which pydantic itself knows no form
        raise AvaError(f"{model.__name__} has no JSON Schema: {one_line(str(error))}", "config") from None

    def build(value: Any) -> Any:
        try:
            # As JSON, not as Python's values: a strict model then takes a date's text for a date.
            return model.model_validate_json(json.dumps(value))
        except Exception as error:  # pydantic's own, or what a validator of the model raises
            raise Misfit(_problems(error)) from error

    return Shape(model.__name__, schema, build)


def _problems(error: Exception) -> str:
    errors = getattr(error, "errors", None)
    if errors is None:
        return one_line(f"{type(error).__name__}: {error}")
    found = errors(include_url=False, include_context=False)[:_MOST_PROBLEMS]
    return "; ".join(f"{'.'.join(map(str, e['loc'])) or 'the object'}: {one_line(e['msg'], 120)}" for e in found)
