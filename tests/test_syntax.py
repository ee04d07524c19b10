"""The input transform: where a magic is one, what becomes of it, and what is left as it was typed."""

from __future__ import annotations

import ast
from typing import NamedTuple

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import ava_magic
from ava_magic.syntax import Transform, statements

_AWAITED = "await get_ipython().magics_manager.registry['AvaMagics'].awaited({})"
_CALLED = "get_ipython().run_line_magic('ava', {})"


class Question(NamedTuple):
    """A call that the transform wrote: the texts it passes, and how it is made."""

    texts: tuple[str, ...]
    awaited: bool
    with_locals: bool = False


def transformed(cell: str, *, can_await: bool = True) -> str:
    return "".join(Transform(lambda: can_await)(cell.splitlines(keepends=True)))


def questions(cell: str, *, can_await: bool = True) -> list[Question]:
    """The questions in what IPython makes of ``cell``, all its own transforms done; it must be Python that compiles."""
    shell = TransformerManager()
    transform = Transform(lambda: can_await)
    shell.cleanup_transforms[:] = [transform, *shell.cleanup_transforms, transform]  # as the extension puts it in
    return questions_in(shell.transform_cell(cell))


def questions_in(code: str) -> list[Question]:
    compile(code, "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    tree = ast.parse(code)
    awaited = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Await)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            texts = tuple(ast.literal_eval(argument) for argument in node.args if isinstance(argument, ast.Constant))
            if node.func.attr == "awaited":
                found.append((node, Question(texts, id(node) in awaited, bool(node.keywords))))
            elif node.func.attr.startswith("run_") and texts[0] == "ava":
                found.append((node, Question(texts[1:], awaited=False)))
    return [question for _, question in sorted(found, key=lambda each: (each[0].lineno, each[0].col_offset))]


def prompts(cell: str) -> list[str]:
    return [question.texts[0] for question in questions(cell)]


@pytest.mark.parametrize(
    ("cell", "awaits", "code"),
    [
        ("%ava what is a list?\n", True, _AWAITED.format("'what is a list?'") + "\n"),
        ("%ava what is a list?\n", False, _CALLED.format("'what is a list?'") + "\n"),
        ("x = %ava hi\n", True, f"x = {_AWAITED.format(repr('hi'))}\n"),
        ("%%ava -n a\nb\nc\n", True, _AWAITED.format(r"'-n a', 'b\nc\n'") + "\n"),
        ("%%ava -n a\nb\n", False, r"get_ipython().run_cell_magic('ava', '-n a', 'b\n')" + "\n"),
    ],
)
def test_a_magic_becomes_a_call_that_is_awaited_where_it_can_be(cell: str, awaits: bool, code: str) -> None:
    assert transformed(cell, can_await=awaits) == code


@pytest.mark.parametrize(
    "cell",
    [
        "%ava q",
        "  %ava q\n",
        "\n\n%ava q\n",
        "%ava    q  \n",
        "%ava\tq\n",
        "answer = %ava q\n",
        "answer=%ava q\n",
        "answer  =\t%ava q\n",
        "answer: str = %ava q\n",
        "answer += %ava q\n",
        "answer >>= %ava q\n",
        "a, b = %ava q\n",
        "a, *b = %ava q\n",
        "(a, b) = %ava q\n",
        "a = b = %ava q\n",
        "a.b.c = %ava q\n",
        "a[0] = %ava q\n",
        "a['k'] = %ava q\n",
        'a["=", 1] = %ava q\n',
        "a[f(x=1)] = %ava q\n",
        "if x:\n    %ava q\n",
        "if x:\n    a = %ava q\nelse:\n    pass\n",
        "for x in y:\n    with z as w:\n        a[x] = %ava q\n",
        "while True:\n\t%ava q\n\tbreak\n",
        "try:\n    %ava q\nexcept E:\n    pass\n",
        "try:\n    pass\nfinally:\n    %ava q\n",
        "async with a:\n    %ava q\n",
        "match x:\n    case 1:\n        %ava q\n",
        "def f():\n    pass\n%ava q\n",
        "def f(): pass\n%ava q\n",
        "def f():\n    pass\n\n# and now\nanswer = %ava q\n",
        "class A:\n    def f(self):\n        pass\n\nif x:\n    %ava q\n",
        "default = 1\nclassy = 2\n%ava q\n",
        "x = '''\ndef f():\n'''\n%ava q\n",
        "f(\n    'def',\n)\n%ava q\n",
        "x = 'it''s' # it's\n%ava q\n",
        'x = "(" # [\n%ava q\n',
        "x = r'\\''\n%ava q\n",
        "x = '\\\n'\n%ava q\n",
        "!echo it's (\n%ava q\n",
        "files = !ls it's (\n%ava q\n",
        "%time x = '\n%ava q\n",
        "?print\nprint?\n%ava q\n",
    ],
)
def test_a_line_magic_at_the_top_level_is_awaited(cell: str) -> None:
    assert questions(cell) == [Question(("q",), awaited=True)]


@pytest.mark.parametrize(
    "cell",
    [
        "def f():\n    %ava q\n",
        "def f():\n    return %ava q\n",
        "def f():\n    if x:\n        return\t%ava q\n",
        "def f(a,\n      b):\n    answer = %ava q\n    return answer\n",
        "def f():\n    '''It\ndocuments.'''\n    %ava q\n",
        "def f():\n\n    x = 1\n\n    return %ava q\n",
        "def f():\n    # a note\n    return %ava q\n",
        "def f():\n    x = [\n1,\n]\n    return %ava q\n",
        "@decorated\ndef f():\n    %ava q\n",
        "class A:\n    %ava q\n",
        "class A:\n    x = %ava q\n",
        "class A:\n    def f(self):\n        return %ava q\n",
        "async def f():\n    def g():\n        return %ava q\n",
        "async def f():\n    class A:\n        x = %ava q\n",
        "if x:\n    def f():\n        %ava q\n",
        "def f():\n\t%ava q\n",
    ],
)
def test_in_a_plain_function_or_a_class_it_is_called_as_ipython_calls_it(cell: str) -> None:
    assert questions(cell) == [Question(("q",), awaited=False)]


@pytest.mark.parametrize(
    "cell",
    [
        "async def f():\n    %ava q\n",
        "async def f():\n    return %ava q\n",
        "async  def f():\n    async with a:\n        answer = %ava q\n",
        "def f():\n    async def g():\n        return %ava q\n",
        "class A:\n    async def f(self):\n        return %ava q\n",
        "async def f():\n    def g():\n        pass\n    return %ava q\n",
    ],
)
@pytest.mark.parametrize("can_await", [True, False])
def test_in_an_async_function_it_is_awaited_and_sees_the_functions_variables(cell: str, can_await: bool) -> None:
    assert questions(cell, can_await=can_await) == [Question(("q",), awaited=True, with_locals=True)]


def test_each_of_several_is_made_as_its_own_place_asks() -> None:
    cell = "%ava a\nasync def f():\n    def g():\n        %ava b\n    %ava c\nx = %ava d\n"
    assert questions(cell) == [
        Question(("a",), awaited=True),
        Question(("b",), awaited=False),
        Question(("c",), awaited=True, with_locals=True),
        Question(("d",), awaited=True),
    ]


@pytest.mark.parametrize("comment", ["# a note", "  # a note"])
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_comment_further_left_does_not_end_a_function(kind: str, comment: str) -> None:
    (question,) = questions(f"if True:\n  {kind} f():\n    x = 1\n{comment}\n    return %ava q\n")
    assert question == Question(("q",), awaited=kind == "async def", with_locals=kind == "async def")


@pytest.mark.parametrize(
    "cell",
    [
        "x = '%ava q'\n",
        "x = 'a = %ava q'\n",
        'x = "%ava q?"\n',
        "x = '''\n%ava q\n'''\n",
        'x = """\nx = %ava q\n"""\n',
        "f'''{x}\n%ava q\n'''\n",
        "r'''\\'''\n%ava q\n'''\n",
        "x = '\\\n%ava q'\n",
        "f(\n%ava\n)\n",
        "f((a),\n%ava q\n)\n",
        "x\0 = %ava q\n",
        "x = [a\n    %ava, b]\n",
        "x = a \\\n    %ava\n",
        "x = {\n    'k': a\n    %ava\n}\n",
        "# %ava q\n",
        "# x = %ava q\n",
        "x = 1 # %ava q\n",
        "x = 1 # y = %ava q\n",
        "x %ava\n",
        "x = 5 %ava\n",
        "x = y == z %ava\n",
        "x == %ava\n",
        "x <= %ava\n",
        "f(x=%ava)\n",
        "print('%d' %ava)\n",
        "return_value %ava\n",
        "%avatar q\n",
        "%ava_ q\n",
        "%ava.b q\n",
        "x = %avatar q\n",
        "%%avatar q\nbody\n",
        "%ava?\n",
        "%ava??\n",
        "%%ava?\n",
        "?%ava\n",
        "!echo %ava q\n",
        "x = !echo %ava q\n",
        "%%ava? \nbody\n",
    ],
)
def test_what_is_no_such_magic_is_left_as_it_was_typed(cell: str) -> None:
    assert transformed(cell) == cell


@pytest.mark.parametrize(
    "prompt",
    [
        "what is a list?",
        "what is a list??",
        "is {x} a list?",
        "what's up?",
        'say "hi"',
        'it\'s "both" \'\'\' and """',
        "an open ( and [ and {",
        "a closed ) and ] and }",
        "costs $5, $HOME, {x!r}, {{y}}, {}",
        r"a \n b \\ c \' d",
        "x = 5 # no comment",
        "!ls; %time",
        "%ava %%ava",
        "-m model -- --x",
        "\u00e9\u4e2d\U0001f600\u202e",
        "= 5",
        "tab\there",
        "def f(): return",
        "lambda: 0",
    ],
)
@pytest.mark.parametrize("place", ["%ava {}\n", "x = %ava {}\n", "if x:\n    %ava {}\nelse:\n    pass\n"])
def test_a_prompt_arrives_as_it_was_typed(prompt: str, place: str) -> None:
    assert prompts(place.replace("{}", prompt)) == [prompt]


def test_a_prompt_may_be_empty() -> None:
    assert prompts("%ava\nx = %ava   \n") == ["", ""]


@pytest.mark.parametrize("target", ["a['k']", "a = b", "a[x == 1]", 'a["="]', "a >>"])
@pytest.mark.parametrize("prompt", ["a sad face :(", "three '''", "or {"])
def test_a_prompt_ends_with_its_line_whatever_it_is_assigned_to(target: str, prompt: str) -> None:
    code = transformed(f"{target} = %ava {prompt}\ny = 1\n".replace(">> =", ">>="))
    assert code.splitlines()[1:] == ["y = 1"]


@pytest.mark.parametrize("target", ["a['%d']", "a[b % 2]"])
def test_a_target_may_hold_a_percent_sign(target: str) -> None:
    assert prompts(f"{target} = %ava what is a list?\n") == ["what is a list?"]


@pytest.mark.parametrize("before", ["if True: ", "y = 1; "])
def test_an_assignment_behind_another_statement_keeps_its_question_mark(before: str) -> None:
    assert prompts(f"{before}x = %ava what is a list?\n") == ["what is a list?"]


@pytest.mark.parametrize(
    ("cell", "prompt"),
    [
        ("%ava one \\\ntwo\n", "one two"),
        ("%ava one\\\n    two \\\n    three?\n", "one two three?"),
        ("x = %ava it's \\\n  (two\n", "it's (two"),
        ("if x:\n    %ava one \\\n        two\n", "one two"),
    ],
)
def test_a_backslash_at_the_end_of_the_line_continues_the_prompt(cell: str, prompt: str) -> None:
    assert prompts(cell) == [prompt]
    assert prompts(cell + "y = 1\n") == [prompt]


def test_an_escaped_backslash_at_the_end_of_the_line_is_text() -> None:
    assert prompts("%ava a line of TeX \\\\\ny = 1\n") == ["a line of TeX \\\\"]


@pytest.mark.parametrize(
    "body", ["", "\n", "what?\n", "'''\n\"\"\"\n\\\n", "def f():\n    %ava q\n", "%%ava\n", "a\n\n\n"]
)
@pytest.mark.parametrize("line", ["", "-m x", "why 'this\" \\?"])
def test_the_body_of_a_cell_arrives_as_it_was_typed(line: str, body: str) -> None:
    (question,) = questions(f"%%ava {line}\n{body}")
    assert question.texts == (line, body or "")


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> InteractiveShell:
    """A shell with the extension loaded, its transforms in the order that loading gives them."""
    folder = str(tmp_path_factory.mktemp("ipython"))
    shell = InteractiveShell(ipython_dir=folder, config=Config({"HistoryManager": {"enabled": False}}))
    ava_magic.load_ipython_extension(shell)
    return shell


# IPython's own clean-up takes prompts and blank space out of a cell.
@pytest.mark.parametrize("body", [">>> 1 + 1\n2\n", "In [1]: 1 + 1\nOut[1]: 2\n", "a\n    \nb\n"])
def test_a_session_pasted_into_the_body_keeps_its_prompts_and_spaces(shell: InteractiveShell, body: str) -> None:
    (question,) = questions_in(shell.transform_cell(f"%%ava why?\n{body}"))
    assert question.texts == ("why?", body)


# A magic whose body is code has IPython transform it again, by itself; of another one the body is no code at all.
@pytest.mark.parametrize("magic", ["writefile notes.txt", "time", "capture out", "bash", "markdown"])
@pytest.mark.parametrize("before", ["", "\n", "  \n\n"])
def test_the_body_of_another_cell_magic_is_left_to_that_magic(shell: InteractiveShell, magic: str, before: str) -> None:
    body = "%ava q\nx = %ava it's?\n"
    name, _, line = magic.partition(" ")
    expected = f"get_ipython().run_cell_magic({name!r}, {line!r}, {body!r})\n"
    assert shell.transform_cell(f"{before}%%{magic}\n{body}") == expected


@pytest.mark.parametrize("cell", [">>> %ava q?\n", "In [1]: x = %ava q?\n", "    %ava q?\n", "\n  x = %ava q?\n"])
def test_a_magic_behind_a_prompt_or_an_indent_is_one(shell: InteractiveShell, cell: str) -> None:
    assert questions_in(shell.transform_cell(cell)) == [Question(("q?",), awaited=False)]


@pytest.mark.parametrize(
    "cell", ["%%ava a\nb\n", "\n\n%%ava a\nb\n", "  \n%%ava a\nb\n", "# What for\n\n  # and why\n%%ava a\nb\n"]
)
def test_a_cell_magic_may_stand_below_blank_lines_and_comments(shell: InteractiveShell, cell: str) -> None:
    (question,) = questions_in(shell.transform_cell(cell))
    assert question.texts == ("a", "b\n")


def test_the_line_of_a_cell_alone_is_a_cell_with_no_body() -> None:
    assert questions("%%ava what is this?") == [Question(("what is this?", ""), awaited=True)]


def test_the_lines_around_a_magic_stay_where_they_are() -> None:
    cell = "import os\n\n'''\n%ava\n'''\nif os:\n    x = %ava it's?\n    print(x) # '\n%time y\ndef f():\n  %ava q\n"
    before, after = cell.split("\n"), transformed(cell).split("\n")
    assert len(after) == len(before)
    changed = [line for line, now in zip(before, after, strict=True) if line != now]
    assert changed == ["    x = %ava it's?", "  %ava q"]


def test_a_cell_without_the_magic_is_handed_back_itself() -> None:
    lines = ["x = 1\n", "%time x\n", "y?\n"]
    assert Transform(lambda: True)(lines) is lines


_LINE_ENDS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
one_line_texts = st.text(st.characters(exclude_characters=_LINE_ENDS, exclude_categories=["Cs"]))
_CODE = [
    *("x", " ", "\n", "\n    ", "=", "'", '"', "'''", '"""', "(", ")", "[", "]", "{", "}", "\\", "\\\n", "#", "%", "!"),
    *("?", "%ava", "%ava q\n", "def f():\n", "async def f():\n", "class A:\n", "return ", ":", ";", "\t", "%%time\n"),
]
code_like = st.lists(st.sampled_from(_CODE), max_size=30).map("".join)


@given(one_line_texts)
@example("it's \"''' \\' \\\" {x} $y ?")
def test_any_line_of_text_survives_as_a_prompt(text: str) -> None:
    assume(not text.rstrip().endswith("\\"))
    assert prompts(f"%ava {text}\n") == [text.strip()]
    assert prompts(f"x = %ava {text}\ny = 1\n") == [text.strip()]


@given(one_line_texts, st.text(st.characters(exclude_characters=_LINE_ENDS[1:], exclude_categories=["Cs"])))
def test_any_text_survives_as_the_body_of_a_cell(line: str, body: str) -> None:
    (question,) = questions_in(transformed(f"%%ava {line}\n{body}\n"))
    assert question.texts == (line.strip(), body + "\n")


@given(code_like.map(lambda cell: cell.replace("%ava", "%av")))
def test_any_cell_without_the_magic_comes_out_unchanged(cell: str) -> None:
    assert transformed(cell) == cell


@given(code_like | st.text())
def test_the_statements_of_any_text_are_all_of_it(text: str) -> None:
    assert "".join(statement for statement, _ in statements(text)) == text


@given(code_like, st.booleans())
def test_no_text_makes_the_transform_fail(cell: str, can_await: bool) -> None:
    transformed(cell, can_await=can_await)


@pytest.mark.parametrize(
    ("magic", "statement"), [("time", "%ava why?"), ("timeit", "-n1 -r1 %ava why?"), ("prun", "%ava q")]
)
def test_a_question_under_a_timing_magic_keeps_its_question_mark(magic: str, statement: str) -> None:
    code = transformed(f"if x:\n    %{magic} {statement}\n")
    assert code == f"if x:\n    get_ipython().run_line_magic({magic!r}, {statement!r})\n"


def test_line_ends_of_another_system_are_line_ends() -> None:
    assert transformed("%%ava why?\r\none\r\ntwo\r\n") == transformed("%%ava why?\none\ntwo\n")


def test_a_backslash_at_the_very_end_is_text() -> None:
    assert prompts("%ava list C:\\dir\\\n") == ["list C:\\dir\\"]
