"""A person as JSON: the schema that asks for one, the request that carries it, and a good answer."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["GOOD", "RESPONSE_FORMAT", "SCHEMA", "TOLD", "whole"]

SCHEMA = (
    '{"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, '
    '"required": ["name", "age"], "additionalProperties": false}'
)
TOLD = f"Answer with one JSON value of this JSON Schema and nothing else:\n{SCHEMA}"
RESPONSE_FORMAT = {"type": "json_schema", "json_schema": {"name": "Person", "schema": json.loads(SCHEMA)}}
GOOD = '{"name": "Ada", "age": 36}'


def whole(system: str, *further: str, **fields: Any) -> dict[str, Any]:
    """The body of a request: the system message, and then user and assistant in turn."""
    roles = ["user", "assistant"] * len(further)
    said = [{"role": role, "content": words} for role, words in zip(roles, further, strict=False)]
    messages = [{"role": "system", "content": system}, *said]
    return {"model": "m", "messages": messages, "stream": True, "stream_options": {"include_usage": True}} | fields
