"""A JSON Schema's references: they lead within the schema or to JSON Schema itself, and nothing is fetched for them.

jsonschema would fetch any other over HTTP, by itself and with no way to interrupt it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["validator_of"]

_REFERENCES = ("$ref", "$dynamicRef")


def validator_of(kind: Any, schema: Mapping[str, Any]) -> Any:
    """A validator of the class ``kind`` of jsonschema's, for ``schema``, that fetches nothing.

    Raises :class:`LookupError` for a reference that leads nowhere; with jsonschema before 4.18, what it raises comes
    when the reference is followed.
    """
    try:
        from jsonschema_specifications import REGISTRY
        from referencing import Registry
        from referencing.jsonschema import specification_with
    except ImportError:  # jsonschema before 4.18
        return kind(schema, resolver=_closed_resolver(schema))
    specification = specification_with(kind.ID_OF(kind.META_SCHEMA))
    root = specification.create_resource(schema)
    _follow(specification, root, REGISTRY.resolver_with_root(root))
    return kind(schema, registry=Registry())


def _follow(specification: Any, root: Any, resolver: Any) -> None:
    """Follow every reference in a schema and in what they lead to."""
    waiting = [(root, resolver)]
    seen: set[int] = set()
    while waiting:
        resource, resolver = waiting.pop()
        schema = resource.contents
        if id(schema) in seen or not isinstance(schema, Mapping):
            continue
        seen.add(id(schema))
        waiting += [(part, resolver.in_subresource(part)) for part in resource.subresources()]
        for reference in filter(None, map(schema.get, _REFERENCES)):
            try:
                found = resolver.lookup(reference)
            except Exception:  # there are several ways to lead nowhere, and an error of the library's for each
                raise LookupError(f"its reference {reference} leads nowhere, and nothing is fetched for it") from None
            waiting.append((specification.create_resource(found.contents), found.resolver))


def _closed_resolver(schema: Mapping[str, Any]) -> Any:
    from jsonschema import RefResolver

    class Closed(RefResolver):  # type: ignore[misc]  # to mypy its base is Any: jsonschema has no types
        def resolve_remote(self, uri: str) -> Any:
            raise LookupError(f"{uri} leads out of it, and nothing is fetched")

    return Closed.from_schema(schema)
