"""Values of the notebook in a prompt: which braces are replaced, and that nothing of the user's runs for it."""

from __future__ import annotations

import collections
import os
import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_magic.prompt.fields import Filled, interpolate
from ava_magic.values.content import Picture


class Shown:
    """A display that shows a value as its ``repr``, or as ``words``, and notes what it was asked for."""

    def __init__(self, words: str | None = None) -> None:
        self.asked: list[object] = []
        self._words = words

    def text(self, value: Any) -> str:
        self.asked.append(value)
        return repr(value) if self._words is None else self._words

    def picture(self, value: Any) -> Picture | None:
        return value.picture if type(value) is Figure else None


class Figure:
    picture = Picture(b"\x89PNG", "image/png", "<Figure>")


def fill(text: str, namespace: Mapping[str, Any]) -> str:
    return text_of(interpolate(text, namespace, Shown()))


def text_of(filled: Filled) -> str:
    content = filled.content(takes_images=False)
    assert isinstance(content, str)
    return content


class Plain:
    shared: ClassVar[str] = "of the class"

    def __init__(self) -> None:
        self.name = "of the instance"
        self.items = [{"deep": "down"}, "second"]
        self.module = os
        self._private = "hidden"

    @property
    def computed(self) -> str:
        return "computed"

    def method(self) -> str:
        return "called"


@dataclass(slots=True)
class Slotted:
    name: str = "in a slot"


class Row(NamedTuple):
    price: float
    rest: list[str]


@pytest.mark.parametrize(
    ("typed", "filled"),
    [
        ("{x}", "7"),
        ("a {x} b {x}", "a 7 b 7"),
        ("{word}", "text"),
        ("{word[0]}{word[-1]}", "tt"),
        ("{thing.name}", "of the instance"),
        ("{thing.shared}", "of the class"),
        ("{thing.items[0]['deep']}", "down"),
        ('{thing.items[0]["deep"]}', "down"),
        ("{thing.items[-1]}", "second"),
        ("{Thing.shared}", "of the class"),
        ("{slotted.name}", "in a slot"),
        ("{row.price} {row.rest[0]}", "9.5 deep"),
        ("{numbers}", "[1, 2, 3]"),
        ("{numbers[1]}", "2"),
        ("{pair[1]}", "b"),
        ("{table['a b']}", "spaced"),
        ("{table[7]}", "seven"),
        ("{table['{']}", "brace"),
        ("{In[1]} gave {Out[1]}", "6 * 7 gave 42"),
        ("{_}", "42"),
        ("{\u00e9t\u00e9}", "summer"),
        ("{pi:.2f}", "3.14"),
        ("{x:03d}", "007"),
        ("{word:>6}", "  text"),
        ("{numbers[0]:+}", "+1"),
        ("{x:}", "7"),
        ("{x!r} {word!r} {word!r:>8}", "7 'text'   'text'"),
        ("{In[1:3]}", "6 * 7\n\nx = 7"),
        ("{In[-1:]}|{In[2:1]}", "x = 7|"),
        ("{{x}} {{x:03d}} {{thing.name}}", "{x} {x:03d} {thing.name}"),
        ("{{{x}}} {{{{x}}}} {{{{{x}}}}}", "{7} {{x}} {{7}}"),
        ("{{x} {x}} {{{x}}", "{7 7} {{x}"),
        ("f'{x}'", "f'7'"),
    ],
)
def test_a_brace_that_names_a_value_is_replaced(typed: str, filled: str) -> None:
    namespace = {
        "x": 7,
        "pi": 3.14159,
        "word": "text",
        "thing": Plain(),
        "Thing": Plain,
        "slotted": Slotted(),
        "row": Row(9.5, ["deep"]),
        "numbers": [1, 2, 3],
        "pair": ("a", "b"),
        "table": {"a b": "spaced", 7: "seven", "{": "brace"},
        "In": ["", "6 * 7", "x = 7"],
        "Out": {1: 42},
        "_": 42,
        "\u00e9t\u00e9": "summer",
    }
    assert fill(typed, namespace) == filled


@pytest.mark.parametrize(
    "typed",
    [
        *(
            "{}",
            "{ }",
            "{ x }",
            "{x }",
            "{x!s}",
            "{x!r",
            "{x+1}",
            "{x()}",
            "{x.}",
            "{x[]}",
            "{x[y]}",
            "{x[0:1]}",
            "{0}",
            "{x",
        ),
        *('{"a": 1}', "{'x': x}", "{x, y}", "{y: {}}", "{1, 2}", "if (a) { return x; }", r"\frac{a}{b}", "${HOME}"),
        *("{nowhere}", "{nowhere.name}", "{x.nowhere}", "{x[0]}", "{word.upper}", "{word['k']}", "{word[99]}"),
        *(
            "{numbers[3]}",
            "{numbers[0:1]}",
            "{word[:2]}",
            "{In[1:2][0]}",
            "{In[1:2].x}",
            "{Out[1:2]}",
            "{numbers['0']}",
            "{table['nowhere']}",
            "{table.keys}",
            "{x:nonsense}",
            "{word:.2f}",
        ),
        *("{thing.computed}", "{thing.method}", "{thing.method()}", "{Thing.computed}", "{Thing.method}"),
        *("{thing._private}", "{thing.__dict__}", "{thing.__class__}", "{x.__class__.__mro__}", "{x.real.__doc__}"),
        *("{__name__}", "{__builtins__}", "{os}", "{os.environ}", "{os.environ['HOME']}", "{os.path.sep}"),
        *("{thing.module}", "{thing.module.sep}", "{modules['os']}", "{modules['os'].sep}", "{in_list[0].sep}"),
        *("{sys.modules['os'].sep}", "{lazy}", "{lazy.name}"),
        *("{{nowhere}}", "{{}}", "{{ x }}", "{{x+1}}", "{{{nowhere}}}", "{{os}}", "{{thing.computed}}", "{{{x+1}}}"),
    ],
)
def test_every_other_brace_stays_as_typed(typed: str) -> None:
    class Lazy(types.ModuleType):
        name = "of a module"

    namespace = {
        "x": 7,
        "a": 1,
        "word": "text",
        "In": ["", "6 * 7"],
        "Out": {1: 42},
        "numbers": [1, 2, 3],
        "table": {"a": 1},
        "thing": Plain(),
        "Thing": Plain,
        "os": os,
        "sys": sys,
        "modules": {"os": os},
        "in_list": [os],
        "lazy": Lazy("lazy"),
        "__name__": "__main__",
        "__builtins__": {},
    }
    if typed == r"\frac{a}{b}":
        del namespace["a"]
    filled = interpolate(typed, namespace, Shown())
    assert text_of(filled) == typed
    assert not filled.inserted


_FIELDS = [
    "{h}",
    "{h.a}",
    "{h.stored}",
    "{h[0]}",
    "{h['k']}",
    "{h.a.b}",
    "{h.stored[0].c}",
    "{H}",
    "{H.a}",
    "{box[0].a}",
]
_HOOKS = [
    *(
        "__getattr__",
        "__getattribute__",
        "__getitem__",
        "__missing__",
        "__contains__",
        "__iter__",
        "__len__",
        "__bool__",
    ),
    *("__eq__", "__hash__", "__str__", "__repr__", "__dir__", "__call__", "__index__", "__get__", "__instancecheck__"),
    *("__arrow_c_stream__", "__dataframe__", "__array__", "__array_interface__", "__dlpack__", "__torch_function__"),
    *("__set_name__", "__fspath__", "__length_hint__", "__class__", "__dict__", "__doc__", "__wrapped__"),
]


def noting(ran: list[str], name: str) -> Callable[..., Any]:
    """A function that notes its call and then fails as a hook may."""

    def hook(*_: Any, **__: Any) -> Any:
        ran.append(name)
        raise AttributeError(name)

    return hook


def object_of(kind: Any) -> object:
    """An instance of ``kind``, without a call of anything that it says of itself."""
    for base in (dict, list, str):
        if issubclass(kind, base):
            return base.__new__(kind)
    return object.__new__(kind)


@pytest.mark.parametrize("hook", _HOOKS)
@pytest.mark.parametrize("kind", [object, dict, list, str])
def test_no_hook_of_a_value_runs_to_find_it(hook: str, kind: type) -> None:
    ran: list[str] = []
    spy = noting(ran, hook)
    hooks = {hook: property(spy) if hook in ("__class__", "__dict__", "__doc__", "__wrapped__") else spy}
    hostile_type = type("Hostile", (kind,), hooks)
    hostile: Any = object_of(hostile_type)
    if hook != "__dict__":
        object.__setattr__(hostile, "stored", [hostile])
    ran.clear()
    for typed in _FIELDS:
        interpolate(typed, {"h": hostile, "H": hostile_type, "box": [hostile]}, Shown("shown"))
    assert ran == []


@pytest.mark.parametrize(
    "hook", ["__getattr__", "__getattribute__", "__instancecheck__", "__subclasscheck__", "__eq__"]
)
@pytest.mark.parametrize("kind", [object, dict, list, str])
def test_no_hook_of_a_values_metaclass_runs_to_find_it(hook: str, kind: type) -> None:
    ran: list[str] = []
    metaclass = type("Meta", (type,), {hook: noting(ran, hook), "__hash__": type.__hash__})
    hostile_type = metaclass("Hostile", (kind,), {})
    hostile: Any = object_of(hostile_type)
    holder = Plain()
    holder.items = [hostile]
    holder.name = hostile
    ran.clear()
    for typed in [*_FIELDS, "{holder.name}", "{holder.name.a}", "{holder.items[0]}", "{holder.name[0]}"]:
        interpolate(typed, {"h": hostile, "H": hostile_type, "box": [hostile], "holder": holder}, Shown("shown"))
    assert ran == []


@pytest.mark.parametrize("name", ["Descriptor", "member_descriptor", "getset_descriptor"])
def test_no_descriptor_of_a_class_runs(name: str) -> None:
    ran: list[str] = []
    descriptor = type(name, (), {"__get__": noting(ran, "__get__")})()
    holder = type("Holder", (), {"field": descriptor})
    assert fill("{h.field} {H.field}", {"h": holder(), "H": holder}) == "{h.field} {H.field}"
    assert ran == []


def test_a_key_that_is_missing_is_not_made() -> None:
    table = collections.defaultdict(list, here=[1])
    assert fill("{table['here']} {table['gone']}", {"table": table}) == "[1] {table['gone']}"
    assert dict(table) == {"here": [1]}


def test_a_dict_of_attributes_that_looks_things_up_in_its_own_way_is_not_asked() -> None:
    ran: list[str] = []
    hooks = {name: noting(ran, name) for name in ("get", "__getitem__", "__contains__", "__missing__", "__iter__")}
    holder = Plain()
    holder.__dict__ = type("Own", (dict,), hooks)(name="stored")
    interpolate("{holder.name} {holder.nowhere}", {"holder": holder}, Shown("shown"))
    assert ran == []


def test_a_container_that_looks_things_up_in_its_own_way_is_not_asked() -> None:
    class Own(list[int]):
        def __getitem__(self, index: Any) -> Any:
            raise AssertionError("it ran")

    assert fill("{own[0]}", {"own": Own([1])}) == "{own[0]}"


@pytest.mark.parametrize("typed", ["{empty.name}", "{Slotted.name}", "{mock['k']}", "{mock[0]}"])
def test_what_cannot_be_read_stays_as_typed(typed: str) -> None:
    empty = object.__new__(Slotted)  # its slot holds nothing
    namespace = {"empty": empty, "Slotted": Slotted, "mock": Mock(spec=dict)}  # a mock that says dict is its class
    assert fill(typed, namespace) == typed


def test_a_format_that_fails_in_its_own_way_leaves_the_brace() -> None:
    class Odd:
        def __format__(self, spec: str) -> str:
            raise ZeroDivisionError

    assert fill("{odd:x}", {"odd": Odd()}) == "{odd:x}"


def test_what_was_inserted_is_not_read_again() -> None:
    namespace = {"a": "{b} {a} {{b}}", "b": "{c}", "c": "deep"}
    assert fill("{a} {b}", namespace) == "{b} {a} {{b}} {c}"
    assert fill("{{a}}", {"a": "b", "b": "deep"}) == "{a}"


def test_what_was_inserted_is_told_by_the_name_that_was_typed() -> None:
    filled = interpolate("{word} and {x:03d} and {{{x}}} and {nowhere}", {"word": "text", "x": 7}, Shown())
    assert filled.inserted == [("{word}", "text"), ("{x:03d}", "007"), ("{x}", "7")]


def test_a_value_is_shown_by_the_notebook_unless_it_is_plain_or_formatted() -> None:
    display = Shown("shown")
    value = [5]
    assert text_of(interpolate("{a} {n} {b} {b!r}", {"a": "text", "n": 5, "b": value}, display)) == "text 5 shown [5]"
    assert display.asked == [value]


def test_a_picture_stands_where_it_was_named() -> None:
    filled = interpolate("left {f} and {x}{f}", {"f": Figure(), "x": "text"}, Shown())
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}}
    words = [{"type": "text", "text": text} for text in ("left ", " and text")]
    assert filled.content(takes_images=True) == [words[0], image, words[1], image]
    assert filled.content(takes_images=False) == "left <Figure> and text<Figure>"


@pytest.mark.parametrize("typed", ["{long}", "{long:s}", "{box[0]}"])
def test_a_long_value_is_cut_in_its_middle_and_says_so(typed: str) -> None:
    value = "head" + "x" * 50_000 + "tail"
    text = fill(typed, {"long": value, "box": [value]})
    assert text.startswith("headx")
    assert text.endswith("xtail")
    assert f"{len(value) - 8_000:,} characters left out" in text
    assert len(text) < 8_100


def test_a_name_is_read_as_python_reads_it() -> None:
    assert fill("{\u00b5}", {"\u03bc": 3}) == "3"  # the micro sign of a keyboard, the letter mu


def test_a_value_that_fits_the_budget_is_whole() -> None:
    assert fill("{long}", {"long": "x" * 8_000}) == "x" * 8_000


@pytest.mark.parametrize(
    ("typed", "note"),
    [
        ("{fgiure}{gif}", "{gif} stays as typed: did you mean {fig}?"),
        ("{dff}", "{dff} stays as typed: did you mean {df}?"),
        ("{Total} {resutl}", "{resutl} stays as typed: did you mean {result}?"),
        ("{RESULT:.2f}", "{RESULT:.2f} stays as typed: did you mean {result}?"),
        ("{df.shape}", "{df.shape} stays as typed: nothing is run to find it; give it a name of its own"),
        ("{df.head(3)}", "{df.head(3)} stays as typed: nothing is called; give the result a name of its own"),
        ("{len(df)} {nowhere(df)}", "{len(df)} stays as typed: nothing is called; give the result a name of its own"),
        ("{some[9]}", "{some[9]} stays as typed: there is no such item"),
        ("{named['nope']}", "{named['nope']} stays as typed: there is no such item"),
        ("{some[0:1]}", "{some[0:1]} stays as typed: nothing is run to find it; give it a name of its own"),
        ("{result[0]}", "{result[0]} stays as typed: nothing is run to find it; give it a name of its own"),
        ("{result:q}", "{result:q} stays as typed: ValueError: Unknown format code 'q' for object of type 'float'"),
        ("{odd}", "{odd} stays as typed: RuntimeError: as it is"),
        ("{exits}", "{exits} stays as typed: SystemExit"),
        ("{hidden}", "{hidden} stays as typed: Secretive"),
    ],
)
def test_a_field_that_stays_is_pointed_at(typed: str, note: str) -> None:
    class Secretive(Exception):
        def __str__(self) -> str:
            raise AssertionError("it ran")

    def raising(error: BaseException) -> object:
        def fail(_: object) -> str:
            raise error

        return type("Raising", (), {"__repr__": fail})()

    namespace = {
        **{
            "df": 1,
            "fig": 1,
            "result": 1.5,
            "some": [1],
            "named": {"a": 1},
            "exits": raising(SystemExit()),
            "hidden": raising(Secretive()),
        },
        **{"odd": raising(RuntimeError("as it is")), "_resutl": 1, "os": os},
    }
    filled = interpolate(typed, namespace, Shown())
    assert filled.notes == [note]
    assert text_of(filled) == typed


@pytest.mark.parametrize(
    "typed", ["{os} {os.sep}", "{x} {i} {fd}", "{'total'}", "{__result}", "{nothing_like_it}", "{}"]
)
def test_what_is_likely_meant_as_typed_is_not_pointed_at(typed: str) -> None:
    assert not interpolate(typed, {"os": os, "total": 1, "i": 1, "df": 1, "result": 2}, Shown()).notes


def test_notes_are_few() -> None:
    filled = interpolate("".join(f"{{thing.n{n}}}" for n in range(50)), {"thing": Plain()}, Shown())
    assert len(filled.notes) == 4
    assert filled.notes[-1] == "47 more braces stay as typed"


def test_an_interrupt_while_a_value_is_shown_ends_it() -> None:
    class Interrupted:
        def __repr__(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill("{x}", {"x": Interrupted()})


def test_words_of_a_class_of_their_own_go_in_as_plain_text() -> None:
    class Words(str):
        __slots__ = ()

        def __len__(self) -> int:
            raise AssertionError("it ran")

        __getitem__ = __add__ = __str__ = __iter__ = __len__  # type: ignore[assignment]  # none is to run

    class Odd:
        def __format__(self, spec: str) -> str:
            return Words(spec)

        def __repr__(self) -> str:
            return Words("odd")

    assert fill("{odd:x} {odd!r}", {"odd": Odd()}) == "x odd"


@given(st.text(), st.text(st.sampled_from("{}[].:'\"abc01_ \n\\!")))
def test_text_that_names_nothing_comes_out_as_it_went_in(any_text: str, braces: str) -> None:
    filled = interpolate(any_text + braces, {"zz": "inserted"}, Shown())
    assert text_of(filled) == any_text + braces
    assert not filled.inserted


@given(st.text(), st.text(), st.text(st.characters(exclude_characters="{}")))
def test_any_text_is_inserted_as_it_is(first: str, second: str, between: str) -> None:
    text = fill(f"{{a}}{between}{{b}}", {"a": first, "b": second})
    assert text == first + between + second


@given(st.text(st.sampled_from("{}abc[0]:r!. ")))
def test_what_was_inserted_stays_as_it_is_whatever_it_says(value: str) -> None:
    """Each time that a field is replaced, exactly its value appears, and a second value never comes of the first."""
    marked = f"<{value}>"
    filled = interpolate("x{a}x{b}x{{a}}", {"a": marked, "b": marked, "c": "never", "r": "never"}, Shown())
    assert text_of(filled) == f"x{marked}x{marked}x{{a}}"


@given(st.integers(1, 9), st.integers(1, 9))
def test_two_braces_stand_for_one_as_in_an_f_string(opening: int, closing: int) -> None:
    text = fill("{" * opening + "abc" + "}" * closing, {"abc": "7"})
    depth = min(opening, closing)
    middle = "{" * (depth // 2) + ("7" if depth % 2 else "abc") + "}" * (depth // 2)
    assert text == "{" * (opening - depth) + middle + "}" * (closing - depth)
    if opening == closing:
        assert text == eval("f'" + "{" * opening + "abc" + "}" * closing + "'", {"abc": "7"})


_DUNDERS = sorted(
    {name for kind in (object, int, str, list, dict, type) for name in dir(kind) if name.startswith("__")}
    | {hook for hook in _HOOKS if hook.startswith("__")}
    | {"__await__", "__enter__", "__exit__", "__set__", "__delete__", "__prepare__", "__copy__"}
)
_NEEDED = {
    "__qualname__",
    "__module__",
    "__new__",
    "__init__",
    "__init_subclass__",
    "__class__",
    "__dict__",
    "__doc__",
    "__slots__",
    "__hash__",
}
_SHOWN_BY = {"__repr__", "__format__", "__str__"}  # by these a value is shown, which the tests above are about


def hostile_in_every_way(ran: list[str], ends: type[BaseException]) -> type:
    def hook(name: str) -> Callable[..., Any]:
        def run(*_: Any, **__: Any) -> Any:
            ran.append(name)
            raise ends

        return run

    return type("Hostile", (object,), {name: hook(name) for name in _DUNDERS if name not in _NEEDED})


@pytest.mark.parametrize("ends", [RuntimeError, SystemExit, GeneratorExit, AttributeError])
def test_a_class_that_is_hostile_in_every_way_is_only_shown(ends: type[BaseException]) -> None:
    ran: list[str] = []
    kind = hostile_in_every_way(ran, ends)
    namespace = {"h": object_of(kind), "H": kind, "box": [object_of(kind)]}
    ran.clear()
    filled = interpolate(" ".join([*_FIELDS, "{h!r}", "{h:x}", "{h:20}", "{h:schema}"]), namespace, Shown())
    namespace.clear()  # a test that fails shows what it holds
    assert set(ran) <= _SHOWN_BY
    assert text_of(filled).startswith("{h} {h.a}")
    assert any(ends.__name__ in note for note in filled.notes)
