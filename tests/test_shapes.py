"""Shapes: JSON Schemas, dataclasses and pydantic models, asked for and checked by one interface."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import sys
import typing
from collections.abc import Callable
from typing import Any, Literal

import jsonschema
import pydantic
import pytest

from ava_magic import AvaError
from ava_magic.answers.json_types import Misfit
from ava_magic.answers.shapes import is_shape, shape_of

from .endpoint import Endpoint


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass
class Tree:
    name: str
    children: list[Tree] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Everything:
    text: str
    count: int
    share: float
    is_so: bool
    colour: Colour
    kind: Literal["a", 1]
    day: datetime.date
    pair: tuple[int, str]
    many: tuple[int, ...]
    names: set[str]
    sizes: dict[str, float]
    tree: Tree
    any_value: Any
    told: typing.Annotated[str, "more"] = "nothing"
    maybe: int | None = None
    computed: int = dataclasses.field(default=0, init=False)


GOOD: dict[str, Any] = {
    "text": "a",
    "count": 3.0,
    "share": 1,
    "is_so": True,
    "colour": "blue",
    "kind": 1,
    "day": "2024-02-29",
    "pair": [1, "b"],
    "many": [1, 2],
    "names": ["x", "x"],
    "sizes": {"s": 1.5},
    "tree": {"name": "root", "children": [{"name": "leaf"}]},
    "any_value": {"free": None},
}


def test_a_dataclass_is_built_with_all_that_is_in_it() -> None:
    assert shape_of(Everything).build(GOOD) == Everything(
        text="a",
        count=3,
        share=1.0,
        is_so=True,
        colour=Colour.BLUE,
        kind=1,
        day=datetime.date(2024, 2, 29),
        pair=(1, "b"),
        many=(1, 2),
        names={"x"},
        sizes={"s": 1.5},
        tree=Tree("root", [Tree("leaf")]),
        any_value={"free": None},
    )


def test_the_schema_of_a_dataclass_is_one_and_takes_what_the_dataclass_takes() -> None:
    schema = shape_of(Everything).schema
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(GOOD)
    assert schema["type"] == "object"
    assert schema["required"] == list(GOOD)
    assert schema["properties"]["tree"] == {"$ref": "#/$defs/Tree"}


def test_every_type_has_the_form_that_json_schema_gives_it() -> None:
    text, number = {"type": "string"}, {"type": "number"}
    assert shape_of(Everything).schema["properties"] == {
        "text": text,
        "count": {"type": "integer"},
        "share": number,
        "is_so": {"type": "boolean"},
        "colour": {"enum": ["red", "blue"]},
        "kind": {"enum": ["a", 1]},
        "day": {"type": "string", "format": "date"},
        "pair": {"type": "array", "prefixItems": [{"type": "integer"}, text], "minItems": 2, "maxItems": 2},
        "many": {"type": "array", "items": {"type": "integer"}},
        "names": {"type": "array", "items": text},
        "sizes": {"type": "object", "additionalProperties": number},
        "tree": {"$ref": "#/$defs/Tree"},
        "any_value": {},
        "told": text,
        "maybe": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    }
    assert shape_of(Everything).schema["required"] == list(GOOD)


def test_a_dataclass_of_its_own_kind_refers_to_the_top() -> None:
    assert shape_of(Tree).schema == {
        "type": "object",
        "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}}},
        "required": ["name"],
        "additionalProperties": False,
    }


def test_a_list_of_dataclasses_is_a_shape() -> None:
    shape = shape_of(list[Tree])
    assert shape.schema["items"] == {"$ref": "#/$defs/Tree"}
    assert shape.build([{"name": "a"}]) == [Tree("a")]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"text": 1}, "text must be of the type string, and is 1"),
        ({"count": 1.5}, "count must be of the type integer, and is 1.5"),
        ({"count": True}, "count must be of the type integer, and is True"),
        ({"share": 10**400}, "share must be a number that a float can hold"),
        ({"colour": "green"}, "colour must be one of ['red', 'blue'], and is 'green'"),
        ({"kind": True}, "kind must be one of ['a', 1], and is True"),
        ({"day": "today"}, "day must be a date in ISO 8601, and is 'today'"),
        ({"pair": [1]}, "pair must be an array of 2, and is [1]"),
        ({"pair": [1, 2]}, "pair[1] must be of the type string"),
        ({"pair": "ab"}, "pair must be an array, and is 'ab'"),
        ({"many": {"a": 1}}, "many must be an array, and is {'a': 1}"),
        ({"names": [[]]}, "names[0] must be of the type string"),
        ({"sizes": []}, "sizes must be an object, and is []"),
        ({"sizes": {"s": None}}, "sizes.s must be of the type number"),
        ({"tree": {"name": "r", "children": [{}]}}, "tree.children[0] lacks name"),
        ({"tree": []}, "tree must be an object, and is []"),
        ({"maybe": "x"}, "maybe must be of the type integer, and is 'x' or else maybe must be of the type null"),
        ({"more": 1}, "the object has more, which is not asked for"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(change: dict[str, Any], says: str) -> None:
    with pytest.raises(Misfit) as caught:
        shape_of(Everything).build(GOOD | change)
    assert says in str(caught.value)


def test_what_a_dataclass_itself_refuses_is_a_misfit() -> None:
    @dataclasses.dataclass
    class Age:
        years: int

        def __post_init__(self) -> None:
            if self.years < 0:
                raise ValueError("nobody is younger than 0")

    Age.__annotations__["years"] = int  # the name is not to be found from outside of this function
    with pytest.raises(Misfit, match="nobody is younger"):
        shape_of(Age).build({"years": -1})


def test_what_cannot_be_in_a_set_is_a_misfit() -> None:
    with pytest.raises(Misfit, match=r"tags must be what can stand in a set, and is \[\[1\]\]"):
        shape_of(dataclasses.make_dataclass("Tagged", [("tags", set[Any])])).build({"tags": [[1]]})


def test_two_classes_of_one_name_stay_two() -> None:
    one = dataclasses.make_dataclass("Same", [("a", int)])
    other = dataclasses.make_dataclass("Same", [("b", int)])
    both = dataclasses.make_dataclass("Both", [("one", one), ("other", other)])
    shape = shape_of(both)
    assert len(shape.schema["$defs"]) == 2
    built = shape.build({"one": {"a": 1}, "other": {"b": 2}})
    assert (type(built.one), type(built.other)) == (one, other)


class Address(pydantic.BaseModel):
    city: str


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (dataclasses.make_dataclass("Odd", [("z", complex)]), "Odd.z is of the type <class 'complex'>"),
        (dataclasses.make_dataclass("Odd", [("z", dict[int, str])]), "Odd.z is of the type dict"),
        (dataclasses.make_dataclass("Odd", [("z", "Nowhere")]), "the fields of Odd cannot be read"),
        ({"type": "nothing"}, "no JSON Schema"),
        (pydantic.create_model("Odd", z=(Callable[[], int], ...)), "Odd has no JSON Schema: "),
        ({"enum": [object()]}, "cannot be written as JSON"),
        (3, "not int"),
        (int, "not type"),
        (Address(city="an instance"), "not Address"),
        (Tree("an instance"), "not Tree"),
    ],
)
def test_what_is_no_shape_is_told_before_anything_is_sent(kind: Any, says: str) -> None:
    with pytest.raises(AvaError) as caught:
        shape_of(kind)
    assert caught.value.kind == "config"
    assert says in str(caught.value)


class Person(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)
    name: str
    born: datetime.date
    address: Address


def test_a_pydantic_model_is_built_by_its_own_means() -> None:
    shape = shape_of(Person)
    assert shape.schema == Person.model_json_schema()
    built = shape.build({"name": "A", "born": "2000-01-02", "address": {"city": "B"}})
    assert built == Person(name="A", born=datetime.date(2000, 1, 2), address=Address(city="B"))
    with pytest.raises(Misfit, match=r"born: .*date.*; address\.city: Field required"):
        shape.build({"name": "A", "born": "?", "address": {}})


def test_a_model_whose_own_code_fails_is_a_misfit() -> None:
    class Wrong(pydantic.BaseModel):
        a: Any

        @pydantic.field_validator("a")
        @classmethod
        def check(cls, value: Any) -> Any:
            raise RuntimeError("on the way")

    with pytest.raises(Misfit, match="RuntimeError: on the way"):
        shape_of(Wrong).build({"a": 1})


SCHEMA = {"title": "a point", "type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}


def test_a_schema_is_checked_and_its_value_stays_as_it_is() -> None:
    shape = shape_of(SCHEMA)
    assert shape.build({"x": 1, "y": 2}) == {"x": 1, "y": 2}
    with pytest.raises(Misfit, match="x: 'one' is not of type 'integer'"):
        shape.build({"x": "one"})


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "URL"},
        {"type": "array", "items": {"$ref": "URL#/$defs/a"}},
        {"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"type": "null"}, {"$ref": "URL"}]}}},
        {"$ref": "#/components/a", "components": {"a": {"$ref": "URL"}}},
        {"$id": "URL", "properties": {"a": {"$ref": "other"}}},
        {"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": {"$ref": "URL"}}},
        {"$ref": "#/$defs/nothing"},
    ],
)
def test_nothing_is_fetched_for_a_schema_and_that_is_told_at_once(schema: dict[str, Any], endpoint: Endpoint) -> None:
    schema = json.loads(json.dumps(schema).replace("URL", f"{endpoint.url}/schema"))
    with pytest.raises(AvaError, match=r"^the schema cannot be used: its reference \S+ leads nowhere, and nothing"):
        shape_of(schema)
    assert not endpoint.requests


@pytest.mark.parametrize(
    "schema",
    [
        {
            "$ref": "#/$defs/node",
            "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
        },
        {
            "$ref": "person",
            "$defs": {"any": {"$id": "http://a.example/person", "type": "object"}},
            "$id": "http://a.example/b",
        },
        {"$ref": "https://json-schema.org/draft/2020-12/schema"},
        {"type": "object", "properties": {"$ref": {"type": "string"}}, "examples": [{"$ref": "http://a.example/x"}]},
        {"$dynamicRef": "#node", "$defs": {"a": {"$dynamicAnchor": "node", "type": "object"}}},
    ],
)
def test_references_within_a_schema_and_to_json_schema_itself_are_followed(schema: dict[str, Any]) -> None:
    shape = shape_of(schema)
    assert shape.build({}) == {}
    with pytest.raises(Misfit):
        shape.build(7)


@pytest.mark.filterwarnings("ignore:jsonschema.RefResolver is deprecated")
def test_an_older_jsonschema_fetches_nothing_either(monkeypatch: pytest.MonkeyPatch, endpoint: Endpoint) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema_specifications", None)
    with pytest.raises(AvaError, match=r"the schema cannot be used: .*nothing is fetched"):
        shape_of({"$ref": f"{endpoint.url}/schema"}).build({})
    assert not endpoint.requests


def test_without_jsonschema_a_schema_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    shape = shape_of(SCHEMA)
    assert not shape.checks
    assert shape.build("anything") == "anything"


def test_the_name_that_goes_to_an_endpoint_has_no_odd_characters() -> None:
    assert shape_of(SCHEMA).response_format() == {
        "type": "json_schema",
        "json_schema": {"name": "a_point", "schema": SCHEMA},
    }


def test_a_shape_is_told_from_other_values_with_nothing_of_them_run() -> None:
    ran: list[str] = []

    class Meta(type):
        def __getattribute__(cls, name: str) -> Any:
            ran.append(name)
            return type.__getattribute__(cls, name)

    class Hostile(metaclass=Meta):
        @property  # type: ignore[misc]
        def __class__(self) -> Any:
            ran.append("class")
            return type

    values = [1, "a", int, Tree("a"), Hostile, Hostile(), None]
    ran.clear()
    found = [is_shape(value) for value in values]
    assert not ran
    assert not any(found)
    assert all(map(is_shape, [SCHEMA, Tree, Person, list[Tree]]))
