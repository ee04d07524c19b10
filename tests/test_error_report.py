"""The last error told to a model: what is in it, and that nothing of the user's runs to tell it."""

from __future__ import annotations

import json
import linecache
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ava_magic.error_report.report import report
from ava_magic.error_report.words import error_words

VERSIONS = f"Versions: Python {sys.version.split()[0]}"


class Notebook:
    """Cells as IPython keeps and compiles them."""

    def __init__(self) -> None:
        self.typed = [""]
        self.run = [""]
        self.names: dict[str, Any] = {"__name__": "__main__"}

    def cell(self, source: str, run: str | None = None) -> BaseException | None:
        """Run a cell that was typed as ``source``; return what it raised."""
        run = source if run is None else run
        self.typed.append(source)
        self.run.append(run)
        name = f"<ipython-input-{len(self.run) - 1}-abc>"
        linecache.cache[name] = (len(run), None, [f"{line}\n" for line in run.split("\n")], name)
        try:
            exec(compile(run, name, "exec"), self.names)
        except BaseException as error:  # whatever the cell raises
            trace = sys.exc_info()[2]
            # Less the frame of this method, as IPython's own are library frames.
            return BaseException.with_traceback(error, trace and trace.tb_next)
        return None

    def report(self, source: str, run: str | None = None) -> str:
        error = self.cell(source, run)
        assert error is not None
        return report(error, self.typed, self.run)


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    yield Notebook()
    for name in [name for name in linecache.cache if name.startswith("<ipython-input-")]:
        del linecache.cache[name]


def test_an_error_is_told_with_its_frames_and_its_cells(notebook: Notebook) -> None:
    notebook.cell("import json\ndef load(text):\n    return json.loads(text)")
    told = notebook.report("load('{')")
    head, _, tail = told.partition("  [3 frames of json, the last: ")
    assert head == (
        "This is the last error:\n\n"
        "Traceback (most recent call last):\n"
        "  In[2], line 1, in <module>\n"
        "    load('{')\n"
        "  In[1], line 3, in load\n"
        "    return json.loads(text)\n"
        "           ^^^^^^^^^^^^^^^^\n"
    )
    assert tail.startswith("json/decoder.py, line ")
    assert tail.endswith(
        "json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)\n\n"
        "In[2]:\n"
        "->   1 load('{')\n\n"
        "In[1]:\n"
        "     1 import json\n"
        "     2 def load(text):\n"
        "->   3     return json.loads(text)\n\n"
        f"{VERSIONS}"
    )


def test_a_syntax_error_is_told_with_its_cell(notebook: Notebook) -> None:
    assert notebook.report("a = 1\nb = = 2") == (
        "This is the last error:\n\n"
        "Traceback (most recent call last):\n"
        "  In[1], line 2\n"
        "    b = = 2\n"
        "        ^\n"
        "SyntaxError: invalid syntax\n\n"
        "In[1]:\n"
        "     1 a = 1\n"
        "->   2 b = = 2\n\n"
        f"{VERSIONS}"
    )


def test_causes_come_first(notebook: Notebook) -> None:
    told = notebook.report("try:\n    {}['a']\nexcept KeyError as error:\n    raise ValueError('no') from error")
    assert "KeyError: 'a'\n\nThe above exception was the direct cause of the following exception:\n\nTraceback" in told
    assert "ValueError: no\n\nIn[1]:" in told
    told = notebook.report("try:\n    {}['a']\nexcept KeyError:\n    raise ValueError('no')")
    assert "During handling of the above exception, another exception occurred:" in told
    told = notebook.report("try:\n    {}['a']\nexcept KeyError:\n    raise ValueError('no') from None")
    assert "KeyError: 'a'" not in told


def test_an_error_that_is_its_own_cause_ends(notebook: Notebook) -> None:
    assert notebook.report("e = ValueError('x')\ne.__cause__ = e\nraise e").count("ValueError: x") == 1


def test_endless_recursion_is_a_few_lines(notebook: Notebook) -> None:
    told = notebook.report("def again(n):\n    return again(n)\nagain(1)")
    assert "more times]\nRecursionError: maximum recursion depth exceeded" in told
    assert len(told) < 800


def test_frames_that_take_turns_are_cut_in_the_middle(notebook: Notebook) -> None:
    told = notebook.report("def a(n):\n    return b(n)\ndef b(n):\n    return a(n)\na(1)")
    assert " more left out]\n" in told
    assert len(told) < 3_000


def test_of_a_long_cell_what_is_around_the_line_is_shown(notebook: Notebook) -> None:
    told = notebook.report("\n".join([*["pass"] * 200, "1/0", *["pass"] * 200]))
    assert "[lines 1 to 170 left out]\n   171 pass" in told
    assert "-> 201 1/0" in told
    assert told.endswith(f"   231 pass\n[lines 232 to 401 left out]\n\n{VERSIONS}")


def test_a_cell_is_shown_as_it_was_typed_where_the_lines_are_the_same(notebook: Notebook) -> None:
    assert "     1 %time x = 1\n->   2 1/0" in notebook.report("%time x = 1\n1/0", run="x = 1\n1/0")
    assert "     1 x = 1\n->   2 1/0" in notebook.report("%%time\nx = 1\n1/0", run="x = 1\n1/0")


def test_the_cell_of_a_magic_is_shown_as_it_was_typed(notebook: Notebook) -> None:
    def magic(name: str, line: str, body: str = "") -> None:
        exec(body or line, {})

    notebook.names["get_ipython"] = lambda: SimpleNamespace(run_cell_magic=magic, run_line_magic=magic)
    told = notebook.report("\n%%time\nx = 1\n1/0\n", run="get_ipython().run_cell_magic('time', '', 'x = 1\\n1/0\\n')\n")
    assert "get_ipython" not in told
    assert "  In[1], line 2, in <module>\n    %%time\n" in told
    assert "In[1]:\n     1\n->   2 %%time\n     3 x = 1\n     4 1/0\n" in told
    told = notebook.report("x = 1\n%time 1/0", run="x = 1\nget_ipython().run_line_magic('time', '1/0')")
    assert "get_ipython" not in told
    assert "  In[2], line 2, in <module>\n    %time 1/0\n" in told


def test_a_cell_that_is_in_no_history_is_shown_too(notebook: Notebook) -> None:
    error = notebook.cell("1/0")
    assert error is not None
    assert "a cell:\n->   1 1/0" in report(error)


def test_the_versions_of_what_the_code_names_are_told(notebook: Notebook) -> None:
    import markdown_it
    import pytest

    told = notebook.report("import pytest, markdown_it, json\nmarkdown_it.nowhere, pytest, json")
    assert told.endswith(f"{VERSIONS}, pytest {pytest.__version__}, markdown-it-py {markdown_it.__version__}")


def test_a_file_of_the_users_is_named_as_they_would(
    notebook: Notebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text("def fail():\n    raise OSError(2, 'not there', 'data.csv')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    told = notebook.report("import mine\nmine.fail()")
    assert "  mine.py, line 2, in fail\n    raise OSError(2, 'not there', 'data.csv')\n" in told
    assert "FileNotFoundError: [Errno 2] not there: 'data.csv'" in told
    assert str(tmp_path) not in told


def test_the_members_of_a_group_are_told(notebook: Notebook) -> None:
    told = notebook.report("raise ExceptionGroup('both', [ValueError(1), KeyError('k')])")
    assert "ExceptionGroup: both (2 sub-exceptions)\n  1. ValueError: 1\n  2. KeyError: 'k'\n" in told


def test_the_members_of_a_group_are_told_with_where_each_was_raised(notebook: Notebook) -> None:
    """As a task group has it: the frames of the group end where its tasks were waited for."""
    notebook.cell("def halve(n):\n    return 1 / n")
    notebook.cell(
        "async def task(n):\n"
        "    try:\n        halve(n)\n"
        "    except ZeroDivisionError as error:\n        raise KeyError(n) from error"
    )
    told = notebook.report(
        "import asyncio\n"
        "async def both():\n"
        "    async with asyncio.TaskGroup() as inner:\n        inner.create_task(task(0))\n"
        "async def all():\n"
        "    async with asyncio.TaskGroup() as outer:\n        outer.create_task(both())\n"
        "asyncio.run(all())"
    )
    assert "\n  1. Traceback (most recent call last):\n       In[3], line 3, in both\n" in told
    assert (
        "\n       1. Traceback (most recent call last):\n"
        "            In[2], line 3, in task\n"
        "              halve(n)\n"
        "            In[1], line 2, in halve\n"
    ) in told
    assert "\n          ZeroDivisionError: division by zero\n" in told
    assert "\n          KeyError: 0\n" in told
    assert "\nIn[1]:\n     1 def halve(n):\n->   2     return 1 / n\n" in told


def test_groups_within_groups_are_told_to_an_end(notebook: Notebook) -> None:
    notebook.cell("error = ValueError('deep')\nfor n in range(200):\n    error = ExceptionGroup(f'g{n}', [error] * 9)")
    told = notebook.report("raise error")
    assert "ExceptionGroup: g199 (9 sub-exceptions)" in told
    assert "g190" not in told
    assert "[7 more left out]" in told
    assert "[4 more left out]" in told
    assert len(told) < 5_000


def test_colours_are_taken_out_and_a_long_message_is_cut() -> None:
    assert error_words(ValueError("\x1b[31mred\x1b[0m")) == "ValueError: red"
    assert len(error_words(ValueError("x" * 10**6))) < 2_100


def test_notes_are_told() -> None:
    error = ValueError("x")
    error.add_note("and more")
    assert error_words(error) == "ValueError: x\nand more"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (lambda: json.loads("{"), "json.decoder.JSONDecodeError: Expecting property name"),
        (lambda: dict[str, int]()["a"], "KeyError: 'a'"),
        (lambda: Path("/nowhere/at/all").read_text(), "FileNotFoundError: [Errno 2] No such file"),
        (lambda: b"\xff".decode(), "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff"),
        (lambda: __import__("no_such_module"), "ModuleNotFoundError: No module named 'no_such_module'"),
        (lambda: (_ for _ in ()).throw(ValueError(1, "two", None)), "ValueError: (1, 'two', None)"),
    ],
)
def test_a_message_of_pythons_own_is_whole(error: Callable[[], Any], says: str) -> None:
    with pytest.raises(BaseException) as caught:
        error()
    assert error_words(caught.value).startswith(says)


def test_a_message_of_a_library_is_whole() -> None:
    import jsonschema
    import pydantic

    with pytest.raises(jsonschema.ValidationError) as caught:
        jsonschema.validate("x", {"type": "integer"})
    assert "'x' is not of type 'integer'" in error_words(caught.value)
    with pytest.raises(pydantic.ValidationError) as refused:
        pydantic.TypeAdapter(int).validate_python("x")
    assert "Input should be a valid integer" in error_words(refused.value)


def test_a_message_that_a_library_cannot_write_is_left_out() -> None:
    import aiohttp

    error = aiohttp.ClientConnectorError.__new__(aiohttp.ClientConnectorError)  # and no __init__
    assert error_words(error).endswith("ClientConnectorError: (the code that would say more was not run)")


ran: list[str] = []


def spy(name: str) -> Any:
    def method(self: Any, *args: Any) -> Any:
        ran.append(name)
        raise RuntimeError(name)

    return method


DUNDERS = [
    *("__str__", "__repr__", "__format__", "__getattribute__", "__getattr__", "__eq__", "__hash__", "__bool__"),
    *("__len__", "__iter__", "__reduce__", "__dir__", "__class__", "__instancecheck__"),
]


def hostile(*bases: type) -> type:
    body = {name: property(spy(name)) if name == "__class__" else spy(name) for name in DUNDERS}
    meta = type("Meta", (type,), {name: spy(f"meta {name}") for name in (*DUNDERS, "__subclasscheck__")})
    hostile: type = type.__call__(meta, "Hostile", bases, {**body, "__slots__": ()})
    return hostile


def test_nothing_of_a_hostile_exception_runs(notebook: Notebook) -> None:
    """Not of its class, nor of its arguments, its notes, its causes or what the frames hold."""
    kind, thing = hostile(ValueError), type.__call__(hostile(object))
    error: Any = ValueError.__new__(kind, "words", thing)
    BaseException.__setattr__(error, "__notes__", [thing])
    cause = KeyError(thing)
    cause.__cause__ = OSError(2, "not there", thing)
    BaseException.__setattr__(error, "__cause__", cause)
    notebook.names["thing"] = thing
    raised = notebook.cell("x = thing\n1/0")  # raising the hostile one would run it, Python's own way
    assert raised is not None
    BaseException.with_traceback(error, raised.__traceback__)
    ran.clear()
    told = report(error, notebook.typed, notebook.run)
    assert not ran
    assert "Hostile: words, <Hostile object> (the code that would say more was not run)" in told
    assert "KeyError: <Hostile object>" in told
    assert "FileNotFoundError: " in told


def test_what_has_no_end_is_not_begun(notebook: Notebook) -> None:
    told = notebook.report(
        "class Endless(Exception):\n    def __str__(self):\n        while True: pass\nraise Endless('why')"
    )
    assert "Endless: why (the code that would say more was not run)" in told


def test_frames_of_ava_magic_are_a_librarys(notebook: Notebook) -> None:
    told = notebook.report("from ava_magic.many.items import items_of\nitems_of(5)")
    assert "  [ava_magic/many/items.py, line " in told
    assert "In[1], line 2, in <module>" in told


def test_a_cell_is_looked_for_in_the_history_once(notebook: Notebook) -> None:
    looked = 0

    class History(list[str]):
        def __len__(self) -> int:
            nonlocal looked
            looked += 1
            return super().__len__()

    error = notebook.cell("def f():\n    1/0\nf()")
    assert error is not None
    report(error, notebook.typed, History(notebook.run))
    assert looked == 1
