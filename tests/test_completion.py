"""Tab after ``%ava``: options, their values, and names in braces; in a kernel and in a terminal."""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import Any

import pytest

from ava_magic.answers.formats import FORMATS
from ava_magic.completion.words import Place, option_names, place

from .endpoint import Endpoint, Gate
from .kernel import Kernel
from .terminal import Terminal

PLACES = [
    ("%ava -", Place("option", "-", {})),
    ("%ava --mo", Place("option", "--mo", {})),
    ("%%ava -n --r", Place("option", "--r", {"no_history": ""})),
    ("x = %ava -", Place("option", "-", {})),
    ("def f():\n    return %ava -", Place("option", "-", {})),
    ("if x: %ava -", Place("option", "-", {})),
    ("%ava -n \\\n  -", Place("option", "-", {"no_history": ""})),
    ("# why\n\n%%ava -", Place("option", "-", {})),
    ("%ava -m ", Place("model", "", {})),
    ("%ava -m gpt-4", Place("model", "gpt-4", {})),
    ("%ava --model=gpt/4:x", Place("model", "gpt/4:x", {})),
    ("%ava -p ollama -t 0 --model ", Place("model", "", {"provider": "ollama", "temperature": "0"})),
    ("%ava --provider=ollama -m ", Place("model", "", {"provider": "ollama"})),
    ('%ava -s "a \\"b\\" c" -m ', Place("model", "", {"system": 'a "b" c'})),
    ('%ava --option stop="a b" -', Place("option", "-", {"option": 'stop="a b"'})),
    ("%ava -s 'it' -", Place("option", "-", {"system": "it"})),
    ("%ava --model=", Place("model", "", {})),
    ("%ava --models=-", Place("models", "-", {})),
    ("%ava -n --5 ", None),
    ("%ava --unknown -", None),
    ("%ava --models -", Place("option", "-", {"models": ""})),
    ('%ava -s "a b', Place("system", '"a b', {})),
    ("%%ava -f ", Place("format", "", {})),
    ("%ava what is {", Place("name", "", {})),
    ("%ava -n what is {na", Place("name", "na", {"no_history": ""})._replace(given={})),
    ("%%ava -n what\nis {na", Place("name", "na", {})),
    ("%%ava\nwhat is {na", Place("name", "na", {})),
    ("%%ava\n-", None),
    ("%ava -- -", None),
    ("%ava hello -", None),
    ("%ava", None),
    ("%ava ", None),
    ("%ava {{na", None),
    ("%ava {na.", Place("attribute", "na.", {})),
    ("%%ava\nis {na.a[0]['k.e'].b", Place("attribute", "na.a[0]['k.e'].b", {})),
    ("%ava {{na.", None),
    ("%ava {na().", None),
    ("%ava {3", None),
    ("%avail -", None),
    ("x = 5 %ava -", None),
    ("%%time\nx = {na", None),
    ("f'{na", None),
    ("%ava hello\nf'{na", None),
]


@pytest.mark.parametrize(("before", "found"), PLACES)
def test_the_place_of_the_cursor(before: str, found: Place | None) -> None:
    assert place(before) == found


def test_an_option_that_was_given_is_not_offered_again_unless_it_may_repeat() -> None:
    names = option_names(["model", "option"])
    assert not {"-m", "--model"} & set(names)
    assert {"--option", "-p", "--provider"} <= set(names)


MODELS = {"data": [{"id": name} for name in ("llama3.2:latest", "org/gpt", "gpt-x")]}


def lists_models(endpoint: Endpoint, *first: Any) -> None:
    endpoint.answers(*first, json.dumps(MODELS).encode(), content_type="application/json")


class Typist:
    """Types into a kernel, and sees what Tab offers."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel

    def tab(self, code: str) -> list[str]:
        """The cell as it would be after each offer, as far as the cursor."""
        self.kernel.client.complete(code, len(code))
        offer = self.kernel.client.get_shell_msg(timeout=20)["content"]
        assert offer["status"] == "ok"
        assert offer["cursor_end"] == len(code)
        return sorted(code[: offer["cursor_start"]] + match for match in offer["matches"])

    def tab_until_offered(self, code: str, timeout: float = 20) -> list[str]:
        """What Tab offers as soon as that is more than what was typed; fail after ``timeout`` seconds."""
        end = time.monotonic() + timeout
        while (offers := self.tab(code)) == [code]:
            assert time.monotonic() < end, "nothing was offered"
        return offers


@pytest.fixture(params=[True, False], ids=["jedi", "no-jedi"])
def typist(request: pytest.FixtureRequest, kernel: Kernel, endpoint: Endpoint) -> Typist:
    kernel.run(f"%config IPCompleter.use_jedi = {request.param}\n%config AvaMagics.base_url = {endpoint.url!r}")
    return Typist(kernel)


def test_options_are_offered_and_nothing_else(typist: Typist) -> None:
    offers = typist.tab("%ava -n -")
    assert {"%ava -n -m", "%ava -n --model", "%ava -n --schema"} <= set(offers)
    assert all(offer.removeprefix("%ava -n ") in option_names(["no_history"]) for offer in offers)
    assert typist.tab("%%ava --tem") == ["%%ava --temperature"]


def test_values_of_options_are_offered(typist: Typist) -> None:
    typist.kernel.run(
        "import dataclasses, os\n@dataclasses.dataclass\nclass Person:\n    name: str\nshape = {}\nnumber = 3"
    )
    assert typist.tab("x = %ava -p oll") == ["x = %ava -p ollama"]
    assert typist.tab("%%ava --provider=oll") == ["%%ava --provider=ollama"]
    assert typist.tab("%ava -f ") == [f"%ava -f {name}" for name in sorted(FORMATS)]
    assert typist.tab("%ava --schema ") == ["%ava --schema Person", "%ava --schema shape"]


def test_conversations_are_offered_by_name(typist: Typist, endpoint: Endpoint) -> None:
    endpoint.says("fine")
    typist.kernel.run("%ava -c review hello")
    assert typist.tab("%ava -c re") == ["%ava -c review"]


def test_names_are_offered_in_braces_of_the_line_and_the_body(typist: Typist) -> None:
    typist.kernel.run("import os\nfigures, figure, _fig = 1, 2, 3")
    assert typist.tab("%ava what is {fig") == ["%ava what is {figure", "%ava what is {figures"]
    assert typist.tab("%%ava\nwhat is\n{fig") == ["%%ava\nwhat is\n{figure", "%%ava\nwhat is\n{figures"]
    assert not any("{os" in offer or "{_" in offer for offer in typist.tab("%ava {"))


def test_attributes_are_offered_where_they_would_go_in(typist: Typist) -> None:
    typist.kernel.run(
        "import os\n"
        "class Thing:\n"
        "    kind = 'k'; module = os\n"
        "    __slots__ = ('slot', '__dict__')\n"
        "    def meth(self): ...\n"
        "    @property\n"
        "    def prop(self): raise RuntimeError\n"
        "    def __getattr__(self, name): raise RuntimeError(name)\n"
        "thing = Thing(); thing.plain = [thing]; thing._own = 1; thing.slot = 2; thing.call = len"
    )
    names = [f"%ava is {{thing.{name}" for name in ("call", "kind", "plain", "slot")]
    assert typist.tab("%ava is {thing.") == names
    assert typist.tab("%ava is {thing.plain[0].pl") == ["%ava is {thing.plain[0].plain"]
    assert typist.tab("%%ava\n{Thing.k") == ["%%ava\n{Thing.kind"]
    for nothing in ("%ava {os.pa", "%ava {thing.me", "%ava {thing.kind."):
        assert typist.tab(nothing) == [nothing]


def test_completion_elsewhere_is_ipythons_own(typist: Typist) -> None:
    typist.kernel.run("figure = 1")
    assert "figure.bit_length" in typist.tab("figure.bit_l")
    assert "%automagic" in typist.tab("%autom")


def test_models_are_fetched_once_and_never_waited_for(typist: Typist, endpoint: Endpoint) -> None:
    gate = Gate()
    lists_models(endpoint, gate)
    assert not any("gpt" in offer for offer in typist.tab("%ava -m "))  # though the endpoint does not answer
    assert gate.reached.wait(20)
    gate.open()
    assert typist.tab_until_offered("%ava -m g") == ["%ava -m gpt-x"]
    assert typist.tab("%ava -m llama3.2:l") == ["%ava -m llama3.2:latest"]
    assert typist.tab("%%ava -n --model=org/") == ["%%ava -n --model=org/gpt"]
    assert [(request.method, request.path) for request in endpoint.requests] == [("GET", "/v1/models")]


def test_models_are_those_of_the_endpoint_that_the_line_names(typist: Typist, endpoint: Endpoint) -> None:
    with closing(Endpoint()) as other:
        lists_models(other)
        line = f"%ava --base-url {other.url} -m g"
        assert typist.tab_until_offered(line) == [f"{line}pt-x"]
    assert not endpoint.requests


@pytest.mark.parametrize(
    "line",
    ["%ava -p nobody -m g", "%ava -p guide -m g", "%ava -p no.such:Plugin -m g", "%ava -p guide -m ", "%ava -p x"],
)
def test_where_no_word_fits_tab_leaves_what_is_typed(typist: Typist, endpoint: Endpoint, line: str) -> None:
    assert typist.tab(line) == [line]
    assert not endpoint.requests


def test_what_the_users_objects_do_is_not_done(typist: Typist) -> None:
    typist.kernel.run(
        "ran = []\n"
        "class Meta(type):\n"
        "    def __getattribute__(cls, name): ran.append(name); raise RuntimeError\n"
        "class Hostile(metaclass=Meta):\n"
        "    __class__ = property(lambda self: ran.append('class'))\n"
        "    def __getattribute__(self, name): ran.append(name); raise RuntimeError\n"
        "hostile, hostage = Hostile(), {}\n"
    )
    typist.kernel.run("ran.clear()")
    assert typist.tab("%ava {host") == ["%ava {hostage", "%ava {hostile"]
    assert typist.tab("%ava --schema host") == ["%ava --schema hostage"]
    assert typist.kernel.value("ran") == "[]"


def test_unloading_takes_completion_away(typist: Typist) -> None:
    typist.kernel.run("%unload_ext ava_magic")
    assert typist.tab("%ava --tem") == []
    assert typist.kernel.value("'_complete' in vars(get_ipython().Completer)") == "False"
    assert typist.kernel.value("get_ipython().Completer.custom_matchers") == "[]"
    typist.kernel.run("%load_ext ava_magic\n%load_ext ava_magic")
    assert typist.tab("%ava --tem") == ["%ava --temperature"]


def test_unloading_while_the_network_code_is_being_loaded(kernel: Kernel) -> None:
    """The first Tab loads it in the background."""
    kernel.run("import sys, types, ava_magic.sessions as real")
    kernel.run("sys.modules['ava_magic.sessions'] = types.ModuleType('begun')")
    cell = kernel.run("%unload_ext ava_magic")
    kernel.run("sys.modules['ava_magic.sessions'] = real")
    assert (cell.status, cell.stdout, cell.stderr) == ("ok", "", "")
    assert kernel.value("'AvaMagics' in get_ipython().magics_manager.registry") == "False"


@pytest.mark.parametrize(("code", "cursor"), [("%ava hello", 4), ("%ava hello", 2), ("%%ava -n\nhello", 4)])
def test_shift_tab_shows_help(kernel: Kernel, code: str, cursor: int) -> None:
    kernel.client.inspect(code, cursor, 0)
    found = kernel.client.get_shell_msg(timeout=20)["content"]
    assert found["found"]
    assert "Ask a model; the answer streams in below." in found["data"]["text/plain"]
    assert "--temperature" in found["data"]["text/plain"]


@pytest.mark.parametrize("terminal", [""], indirect=True)
def test_in_a_terminal_tab_completes(terminal: Terminal, endpoint: Endpoint) -> None:
    terminal.run("figures = 'many'", 3)
    endpoint.says("fine")
    terminal.child.send("%ava --tem\t")
    terminal.until("--tem[^p]*perature")
    terminal.child.send(" 0 -f te\t")
    terminal.until("te[^x]*xt")
    terminal.child.send(" what are {figur\t")
    terminal.until("figur[^e]*es")
    terminal.child.send("}\r")
    terminal.until(r"In \[4\]:")
    assert endpoint.requests[0].json["temperature"] == 0
    assert endpoint.requests[0].messages == [("user", "what are many")]
