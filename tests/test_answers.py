"""``-f``, ``--schema``, ``--code`` and ``-e`` in a real kernel and a real terminal, against a real socket."""

from __future__ import annotations

from typing import Any

import pytest

from .endpoint import Endpoint, Gate
from .kernel import HTML, PLAIN, Cell, Kernel
from .person_requests import GOOD, RESPONSE_FORMAT, TOLD, whole
from .terminal import Terminal

CODE = "So:\n```python\nx = 41\nprint(x + 1)\n```\nor\n```bash\necho hi\n```\n"
PERSON = "from dataclasses import dataclass\n@dataclass\nclass Person:\n    name: str\n    age: int\n"


@pytest.fixture
def asked(asked: Kernel) -> Kernel:
    """A model is set."""
    asked.run("%config AvaMagics.model = 'm'")
    return asked


def payload(cell: Cell) -> list[tuple[str, Any]]:
    return [(item["text"], item["replace"]) for item in cell.reply["payload"] if item["source"] == "set_next_input"]


def test_json_grows_as_code_and_ends_as_data(asked: Kernel, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.says('{"snake_case": ', gate, "[1]}")
    cell = asked.start("answer = %ava -n -f json give me numbers")
    asked.collect(cell, lambda: any("snake_case" in html for html in cell.painted))
    shown = next(html for html in cell.painted if "snake_case" in html)
    assert '<div class="highlight">' in shown
    gate.open()
    asked.finish(cell)
    assert cell.status == "ok"
    assert asked.value("answer.data, answer.text") == "({'snake_case': [1]}, '{\"snake_case\": [1]}')"
    [output] = cell.outputs
    assert output["data"][PLAIN].startswith('{"snake_case": [1]}\n')
    assert output["data"]["text/markdown"] == '```json\n{"snake_case": [1]}\n```\n'
    assert '<div class="highlight">' in output["data"][HTML]


def test_a_schema_of_the_notebook_makes_an_object_of_it(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says(GOOD)
    asked.run(PERSON)
    cell = asked.run("%%ava -n --schema Person -o ada\nwho?")
    assert cell.status == "ok", cell.error
    assert asked.value("ada.data == Person('Ada', 36), ada.data") == "(True, Person(name='Ada', age=36))"
    assert endpoint.requests[0].json == whole(TOLD, "who?", response_format=RESPONSE_FORMAT)


def test_a_schema_of_a_function_is_found(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("3")
    asked.run(
        "def ask():\n    n = {'type': 'integer'}\n    reply = %ava -n --schema n how many?\n    return reply.data"
    )
    assert asked.value("ask()").endswith("3")


def test_an_answer_that_does_not_fit_is_shown_before_the_one_that_does(asked: Kernel, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.says("[17]")
    endpoint.says("[18", gate, ", 19]")
    asked.run("two = {'type': 'array', 'minItems': 2}")
    cell = asked.start("%ava -n --schema two numbers")
    asked.collect(cell, lambda: any("18" in html for html in cell.painted))
    shown = next(html for html in cell.painted if "18" in html)
    assert shown.index("17") < shown.index("That did not fit") < shown.index("18")
    gate.open()
    asked.finish(cell)
    [output] = cell.outputs
    assert output["data"][PLAIN].startswith("[18, 19]\n")
    assert "17" not in output["data"][HTML].partition("<p role")[0]
    assert asked.value("_.data") == "[18, 19]"


def test_after_two_answers_that_do_not_fit_nothing_is_bound(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("no")
    endpoint.says("never")
    asked.run("result = 'before'")
    cell = asked.run("result = %ava -f json -o other numbers")
    assert cell.status == "error"
    assert cell.error.count("\n") == 0
    assert "AvaError (protocol)" in cell.error
    assert "never" in cell.outputs[-1]["data"][PLAIN]
    assert asked.value("result, 'other' in globals()") == "('before', False)"
    assert asked.value("__import__('sys').last_value.reply.text") == "'never'"
    magics = "get_ipython().magics_manager.registry['AvaMagics']"
    assert asked.value(f"len({magics}.desk.chats['main'].conversation)") == "0"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("-f poem x", "it is one of markdown, text, code"),
        ("-f text --schema dict x", "--schema dict: no variable"),
        ("-f text --schema shape x", "for the format json, not for text"),
        ("--schema number x", "not int"),
        ("--code 1", "there is no reply yet"),
        ("--code 0", "a whole number above 0"),
    ],
)
def test_a_wrong_call_is_one_line(asked: Kernel, endpoint: Endpoint, line: str, says: str) -> None:
    asked.run("shape = {'type': 'integer'}\nnumber = 3")
    cell = asked.run(f"%ava {line}")
    assert cell.status == "error"
    assert says in cell.error
    assert cell.error.count("\n") == 0
    assert not endpoint.requests


def test_a_key_in_a_schema_is_not_sent(asked: Kernel, endpoint: Endpoint) -> None:
    secret = "-".join(["some", "thing", "secret"])
    asked.run(f"import os\nos.environ['SOME_API_KEY'] = {secret!r}\nshape = {{'const': {secret!r}}}")
    cell = asked.run("%ava --schema shape x")
    asked.run("del os.environ['SOME_API_KEY']")
    assert cell.status == "error"
    assert "SOME_API_KEY" in cell.error
    assert secret not in cell.error
    assert not endpoint.requests


def test_text_is_shown_as_it_is(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("*stars* <b>\n\n# no title")
    cell = asked.run("%ava -f text x")
    [output] = cell.outputs
    assert 'white-space: pre-wrap">*stars* &lt;b&gt;\n\n# no title</pre>' in output["data"][HTML]
    shown_again = asked.run("_")
    assert "<em>" not in shown_again.of_type("execute_result")[0]["data"][HTML]


def test_the_code_of_several_replies_goes_nowhere_and_a_line_says_so(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("```python\nfirst()\n```\n")
    asked.run("%ava one before them, with code")
    cell = asked.run("%ava -f code -m a -m b hi")
    says = "each of several replies has its own, the first in _[0].code_blocks"
    assert (payload(cell), cell.stdout) == ([], f"[none of the code is in the next cell: {says}]\n")
    assert asked.value("_[0].code_blocks") == "['first()']"
    assert asked.run("%ava --code 1").error == f"AvaError (config): {says}"


def test_the_first_code_block_goes_to_the_next_cell(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says(CODE)
    cell = asked.run("%ava -f code x")
    assert payload(cell) == [("x = 41\nprint(x + 1)", False)]
    assert cell.stdout == "[code block 1 of 2 is in the next cell; %ava --code 2 takes another]\n"
    assert asked.value("'x' in globals()") == "False"
    another = asked.run("%ava --code 2")
    assert payload(another) == [("%%bash\necho hi", False)]
    missing = asked.run("%ava --code 3")
    assert "the reply has 2 code blocks" in missing.error
    assert asked.value("[block.language for block in _.code_blocks]") == "['python', 'bash']"


def test_code_of_a_background_reply_comes_where_it_is_awaited(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says(CODE)
    assert not payload(asked.run("later = %ava -b -f code x"))
    assert payload(asked.run("reply = await later")) == [("x = 41\nprint(x + 1)", False)]


def test_code_that_was_cut_goes_nowhere(asked: Kernel, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.says("```python\nx = 1", gate)
    cell = asked.start("%ava -f code x", stop_on_error=False)
    asked.collect(cell, lambda: any("x" in html for html in cell.painted))
    asked.interrupt()
    asked.finish(cell)
    assert not payload(cell)


def test_a_reply_without_code_says_so(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("none")
    cell = asked.run("%ava -f code x")
    assert not payload(cell)
    assert cell.stdout == "[there is no code block in the reply]\n"


def test_the_last_error_is_asked_about(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("mended")
    asked.run("def f(x):\n    return {}[x]")
    failing = asked.run("f('name')")
    cell = asked.run("%ava -e")
    assert cell.status == "ok", cell.error
    [(role, content)] = endpoint.requests[0].messages
    assert role == "user"
    assert content.startswith("What is wrong and how is it mended?\n\nThis is the last error:\n\nTraceback")
    number = failing.reply["execution_count"]
    assert f"  In[{number}], line 1, in <" in content
    assert f"  In[{number - 1}], line 2, in f\n    return {{}}[x]\n" in content
    assert f"KeyError: 'name'\n\nIn[{number}]:\n->   1 f('name')\n\nIn[{number - 1}]:\n     1 def f(x):\n" in content
    assert "\x1b" not in content
    assert "[went in: the last error " in cell.stdout


def test_a_question_of_ones_own_goes_before_the_error(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("mended")
    asked.run("word = 'braces'\nraise ValueError('{word}')")
    asked.run("%%ava -e -n\nIs it the {word}?")
    content = endpoint.requests[0].messages[0][1]
    assert content.startswith("Is it the braces?\n\nThis is the last error:")
    assert "ValueError: {word}\n" in content


def test_a_syntax_error_is_one_too(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("mended")
    number = asked.run("a = 1\nb = = 2").reply["execution_count"]
    asked.run("%%ava -e")
    content = endpoint.requests[0].messages[0][1]
    assert f"  In[{number}], line 2\n    b = = 2\n        ^\nSyntaxError: invalid syntax\n\nIn[{number}]:\n" in content


def test_an_error_of_asking_does_not_hide_the_users(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.answers(status=400)
    asked.run("raise ValueError('mine')")
    assert asked.run("%ava -e").status == "error"
    endpoint.forget()
    endpoint.says("mended")
    asked.run("%ava -e")
    assert "ValueError: mine" in endpoint.requests[0].messages[0][1]


def test_a_key_in_an_error_is_not_sent(asked: Kernel, endpoint: Endpoint) -> None:
    secret = "-".join(["some", "thing", "secret"])
    asked.run(f"import os\nos.environ['SOME_API_KEY'] = {secret!r}\nraise ValueError(os.environ['SOME_API_KEY'])")
    cell = asked.run("%ava -e")
    asked.run("del os.environ['SOME_API_KEY']")
    assert cell.status == "error"
    assert "SOME_API_KEY" in cell.error
    assert secret not in cell.error
    assert not endpoint.requests


def test_before_any_error_there_is_one_line(fresh_kernel: Kernel, endpoint: Endpoint) -> None:
    fresh_kernel.run("%load_ext ava_magic")
    cell = fresh_kernel.run(f"%ava --base-url {endpoint.url} -e")
    assert "no error was raised so far" in cell.error
    assert cell.error.count("\n") == 0
    fresh_kernel.run("1/0")
    endpoint.says("mended")
    assert fresh_kernel.run(f"%ava --base-url {endpoint.url} -e").status == "ok"


@pytest.mark.parametrize("terminal", [""], indirect=True)
def test_in_a_terminal_code_comes_to_the_next_prompt(terminal: Terminal, endpoint: Endpoint) -> None:
    endpoint.says("```python\nprint(41 + 1)\n```\n")
    terminal.child.send("%ava -f code x\r")
    terminal.until("the code is at the next prompt")
    terminal.until(r"In \[3\]:")
    terminal.until(r"41")
    terminal.child.send("\r")
    assert "42" in terminal.until(r"In \[4\]:")


@pytest.mark.parametrize("terminal", ["--simple-prompt"], indirect=True)
def test_a_prompt_that_takes_no_text_says_where_the_code_is(terminal: Terminal, endpoint: Endpoint) -> None:
    endpoint.says("```python\nprint(41 + 1)\n```\n")
    assert "[the code is in _.code_blocks[0]" in terminal.run("%ava -f code x", 3)
    assert "42" in terminal.run("exec(_.code_blocks[0])", 4)


@pytest.mark.parametrize("terminal", [""], indirect=True)
def test_in_a_terminal_the_last_error_is_asked_about(terminal: Terminal, endpoint: Endpoint) -> None:
    terminal.run("1/0", 3)
    endpoint.says("mended")
    terminal.run("%ava -e -n", 4)
    content = endpoint.requests[0].messages[0][1]
    assert "  In[2], line 1, in <" in content
    assert "ZeroDivisionError: division by zero\n\nIn[2]:\n->   1 1/0\n" in content
