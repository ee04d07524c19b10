"""The magics in a real kernel, against a real socket."""

from __future__ import annotations

from pathlib import Path

import pytest

from .endpoint import END, Endpoint, Gate
from .kernel import HTML, PLAIN, WIDGET, Kernel


def test_words_are_painted_before_the_last_are_sent(asked: Kernel, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.says("first words, ", gate, "last words")
    cell = asked.start("%%ava\nwhat is up?")
    asked.collect(cell, lambda: any("first words" in html for html in cell.painted))
    assert not any("last words" in html for html in cell.painted)
    gate.open()
    asked.finish(cell)
    assert cell.status == "ok"
    assert endpoint.requests[0].messages == [("user", "what is up?")]


def test_the_answer_ends_as_one_ordinary_output_in_the_same_place(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("**bold**")
    cell = asked.run("%ava say it")
    assert WIDGET in cell.of_type("display_data")[0]["data"]
    assert "whole reply will stand here" in cell.of_type("display_data")[0]["data"][PLAIN]
    assert not cell.of_type("execute_result")
    [output] = cell.outputs
    assert "<strong>bold</strong>" in output["data"][HTML]
    assert output["data"]["text/markdown"] == "**bold**"
    assert output["data"][PLAIN].startswith("**bold**")
    assert output["metadata"]["ava_magic"]["reply"] == "**bold**"
    assert not cell.left_open


def test_the_result_is_a_reply_in_out_and_underscore(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("yes")
    number = asked.run("%ava really?").reply["execution_count"]
    assert asked.value(f"type(_).__name__, str(_), _ is Out[{number}]") == "('Reply', 'yes', True)"


def test_a_reply_shown_again_is_rendered_again(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("*again*")
    first = asked.run("answer = %ava hi")
    assert len(first.outputs) == 1
    shown = asked.run("answer")
    assert "<em>again</em>" in shown.of_type("execute_result")[0]["data"][HTML]
    displayed = asked.run("r = %ava hi\ndisplay(r)")
    assert len(displayed.outputs) == 2


def test_a_second_cell_carries_the_first_turn(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("blue")
    asked.run("%ava my colour?")
    asked.run("%%ava\nand again?")
    assert endpoint.requests[1].messages == [("user", "my colour?"), ("assistant", "blue"), ("user", "and again?")]


def test_a_cell_run_again_replaces_its_turn(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("blue")
    asked.run("%ava one", cell_id="a")
    asked.run("%ava two", cell_id="b")
    asked.run("%ava one, otherwise", cell_id="a")
    assert endpoint.requests[2].messages == [("user", "one, otherwise")]
    history = asked.run("%ava --history").shown
    assert history.index("one, otherwise") < history.index("two")
    assert history.count("you:") == 2


def test_vs_codes_name_of_a_cell_is_kept_without_the_path_in_it(asked: Kernel, endpoint: Endpoint) -> None:
    """The record of a reply is in the notebook's file, which others may get."""
    endpoint.says("blue")
    one, two = (f"vscode-notebook-cell:/home/me/secret/notebook.ipynb#W{number}sZmlsZQ%3D%3D" for number in (1, 2))
    cell = asked.run("%ava one", cell_id=one)
    asked.run("%ava two", cell_id=two)
    assert cell.outputs[0]["metadata"]["ava_magic"]["cell"] == "W1sZmlsZQ%3D%3D"
    asked.run("%ava one, otherwise", cell_id=one)
    assert endpoint.requests[2].messages == [("user", "one, otherwise")]


@pytest.mark.parametrize(
    ("code", "prompt"),
    [
        ("%ava what is a list?", "what is a list?"),
        ("%ava costs $5 {not_there} 'and \"so on", "costs $5 {not_there} 'and \"so on"),
        ("%ava -- -x is what?", "-x is what?"),
        ("%%ava what is this?\nx = {'a': 1}?", "what is this?\nx = {'a': 1}?"),
        ("%%ava what is this?", "what is this?"),
        ("%%ava\n\n  indented\n", "  indented"),
        ("if True:\n    for i in [1]:\n        %ava in a loop?", "in a loop?"),
        ("n = 3\n%ava {n} of {n:.2f}", "3 of 3.00"),
        ("n = 3\n%ava -r {n}", "{n}"),
    ],
)
def test_the_prompt_arrives_as_it_was_typed(asked: Kernel, endpoint: Endpoint, code: str, prompt: str) -> None:
    endpoint.says("ok")
    assert asked.run(code).status == "ok"
    assert endpoint.requests[0].messages == [("user", prompt)]


@pytest.mark.parametrize(
    "code",
    [
        "def ask(x):\n    return %ava about {x}?\nask(7)",
        "def ask(x):\n    answer = %ava about {x}?\n    return answer\nask(7)",
        "async def ask(x):\n    return %ava about {x}?\nawait ask(7)",
        "import asyncio\nasync def ask(x):\n    %ava about {x}?\nawait asyncio.create_task(ask(7))",
        "class A:\n    x = 7\n    answer = %ava about 7?",
        "%%time\n%ava about 7?",
        "%time %ava about 7?",
        "%%capture\n%ava about 7?",
        "get_ipython().run_line_magic('ava', 'about 7?')",
        "[get_ipython().run_line_magic('ava', f'about {n}?') for n in [7]]",
        "get_ipython().run_cell_magic('ava', '', 'about 7?')",
        "get_ipython().run_cell('%ava about 7?')",
        "import threading\nt = threading.Thread(target=lambda: get_ipython().run_line_magic('ava', 'about 7?'))\n"
        "t.start(); t.join()",
    ],
)
def test_it_runs_wherever_it_is_written(asked: Kernel, endpoint: Endpoint, code: str) -> None:
    endpoint.says("ok")
    cell = asked.run(code)
    assert cell.status == "ok", cell.error
    assert not cell.stderr
    assert [request.messages for request in endpoint.requests] == [[("user", "about 7?")]]


def test_it_runs_with_autoawait_off(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("ok")
    asked.run("%autoawait False")
    cell = asked.run("%ava about 7?")
    asked.run("%autoawait True")
    assert cell.status == "ok", cell.error


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("%ava --modle x hi", "unknown option --modle; did you mean --model?"),
        ("%ava -m", "-m needs a value"),
        ("%ava -p opnai hi", "did you mean openai?"),
        ("%ava -p nowhere:Nothing hi", "cannot be imported"),
        ("%ava -t warm hi", "it must be a number"),
        ("%ava --base-url nonsense hi", "not the URL of an endpoint"),
        ("%%ava\n", "nothing is asked"),
        ("%ava -n", "nothing is asked"),
        ("%ava --reset now", "stands alone"),
        ("%ava --base-url http://127.0.0.1:9/v1 hi", "no connection"),
    ],
)
def test_a_wrong_call_gives_one_line(kernel: Kernel, code: str, line: str) -> None:
    kernel.run("%config AvaMagics.retries = 0\nkept = 1")
    cell = kernel.run(code)
    assert cell.status == "error"
    assert line in cell.error
    assert len(cell.error.splitlines()) == 1
    assert all(not "".join(output["data"].values()).strip() for output in cell.outputs)
    assert kernel.value("kept") == "1"
    assert "is empty" in kernel.run("%ava --history").shown


def test_a_refused_key_is_one_line_and_leaves_no_turn(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.answers(b'{"error": {"message": "bad key"}}', status=401, content_type="application/json")
    cell = asked.run("%ava hi")
    assert "401 bad key" in cell.error
    assert len(cell.error.splitlines()) == 1
    assert "is empty" in asked.run("%ava --history").shown


def test_a_reply_cut_short_keeps_what_had_come_on_the_screen(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.answers("half a reply")
    cell = asked.run("%ava hi")
    assert "truncated" in cell.error
    assert "half a reply" in cell.outputs[0]["data"][HTML]
    assert "is empty" in asked.run("%ava --history").shown


def test_options_reach_the_endpoint(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("ok")
    asked.run("%ava -m gpt -s 'be brief' -t 0.5 --max-tokens 9 --option top_p=0.1 --option user=me -o kept hi")
    body = endpoint.requests[0].json
    assert body["model"] == "gpt"
    assert body["messages"][0] == {"role": "system", "content": "be brief"}
    assert (body["temperature"], body["max_tokens"], body["top_p"], body["user"]) == (0.5, 9, 0.1, "me")
    assert body["stream"] is True
    assert asked.value("str(kept)") == "'ok'"


def test_no_history_neither_reads_nor_extends(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("ok")
    asked.run("%ava one")
    asked.run("%ava -n two")
    asked.run("%ava three")
    assert endpoint.requests[1].messages == [("user", "two")]
    assert [words for _, words in endpoint.requests[2].messages] == ["one", "ok", "three"]


def test_reset_forgets(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("ok")
    asked.run("%ava one")
    assert "1 turn forgotten" in asked.run("%ava --reset").stdout
    asked.run("%ava two")
    assert endpoint.requests[1].messages == [("user", "two")]


def test_a_prompt_with_a_key_is_not_sent(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("ok")
    cell = asked.run("import os\nos.environ['MY_API_KEY'] = x = 'not-a-real-secret'\n%ava look at {x}")
    asked.run("del os.environ['MY_API_KEY']")
    assert "MY_API_KEY" in cell.error
    assert "not-a-real-secret" not in cell.error
    assert not endpoint.requests


def test_help_and_state_are_plain(kernel: Kernel) -> None:
    assert "--no-history" in kernel.run("%ava?").reply["payload"][0]["data"][PLAIN]
    assert "--no-history" in kernel.run("%%ava?").reply["payload"][0]["data"][PLAIN]
    state = kernel.run("%ava").stdout
    assert "guide" in state
    assert "OPENAI_API_KEY" in state


def test_loading_and_unloading_are_paired(kernel: Kernel) -> None:
    kernel.run("%unload_ext ava_magic")
    gone = kernel.run("%ava hi")
    assert "not found" in gone.error + gone.stderr
    before = "len(ip.input_transformers_cleanup), len(ip.events.callbacks['pre_run_cell']), len(ip.configurables)"
    kernel.run("ip = get_ipython()")
    unloaded = kernel.value(before)
    for _ in range(3):
        kernel.run("import ava_magic; ava_magic.load_ipython_extension(ip); ava_magic.load_ipython_extension(ip)")
    loaded = kernel.value(before)
    kernel.run("ava_magic.unload_ipython_extension(ip); ava_magic.unload_ipython_extension(ip)")
    assert kernel.value(before) == unloaded != loaded
    kernel.run("%reload_ext ava_magic")


def test_a_question_in_the_cell_that_loads_it_is_told_to_be_asked_again(kernel: Kernel) -> None:
    """IPython has taken its ``?`` for a call for help, before the extension could say what it is."""
    source = "%load_ext ava_magic\nx = 5\n%ava -p guide what is a reply?"
    kernel.run("%unload_ext ava_magic")
    cell = kernel.run(source)
    assert "run the cell again" in cell.stdout
    again = kernel.run(source)
    assert "run the cell again" not in again.stdout
    assert "## What a Reply holds" in again.shown
    assert "run the cell" not in kernel.run(source.replace("load", "reload")).stdout
    kernel.run("%unload_ext ava_magic")
    assert not kernel.run("%load_ext ava_magic\n%ava?").stdout


def test_where_nobody_attends_no_widget_is_opened(asked: Kernel, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.says("first, ", gate, "last")
    cell = asked.start("%ava hi", allow_stdin=False)
    asked.collect(cell, lambda: any("first" in c["data"].get(HTML, "") for c in cell.of_type("update_display_data")))
    gate.open()
    asked.finish(cell)
    assert not cell.of_type("comm_open")
    assert "first, last" in cell.outputs[0]["data"][HTML]


@pytest.mark.usefixtures("aborts_the_queue")
@pytest.mark.parametrize(
    "code",
    [
        "import asyncio\nasync with asyncio.TaskGroup() as group:\n    group.create_task(ask())",
        "import asyncio\nawait asyncio.gather(ask(), ask())",
        "import asyncio\nawait asyncio.create_task(ask())",
        "import asyncio\nbackground = asyncio.create_task(ask())\nawait asyncio.sleep(60)",
    ],
)
def test_an_interrupt_ends_the_cell_whose_tasks_ask(asked: Kernel, endpoint: Endpoint, code: str) -> None:
    gate = Gate()
    endpoint.says("half", gate)
    asked.run("async def ask():\n    %ava -n hi")
    cell = asked.start(code)
    queued = asked.start("after = True")
    assert gate.reached.wait(20)
    asked.interrupt()
    assert asked.finish(cell).status == "error"
    assert asked.finish(queued).status == "aborted"
    assert endpoint.requests[0].hung_up.wait(20)
    assert asked.value("__import__('signal').getsignal(2).__name__") == "'default_int_handler'"


def test_a_task_that_asks_is_anchored_to_the_cell_that_made_it(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("ok")
    asked.run("import asyncio\nwait = asyncio.Event()\nasync def ask():\n    await wait.wait()\n    %ava from a task")
    asked.run("task = asyncio.create_task(ask())", cell_id="a")
    asked.run("wait.set(); await task", cell_id="b")
    asked.run("%ava in b", cell_id="b")
    history = asked.run("%ava --history").shown
    assert "from a task" in history
    assert "in b" in history


def test_interrupts_during_the_clean_up_leave_the_reply_and_one_line(
    asked: Kernel, endpoint: Endpoint, tmp_path: Path
) -> None:
    gate = Gate()
    endpoint.says("**word** " * 20_000, gate)
    asked.run(
        "import os, time\n"
        "def wait_for_the_interrupts(message):\n"
        f"    while message['msg_type'] == 'update_display_data' and not os.path.exists({str(tmp_path / 'sent')!r}):\n"
        "        time.sleep(0.001)\n"
        "    return message\n"
        "get_ipython().display_pub.register_hook(wait_for_the_interrupts)"
    )
    cell = asked.start("def ask():\n    %ava -n hi\nask()")
    assert gate.reached.wait(20)
    asked.collect(cell, lambda: bool(cell.painted))
    asked.interrupt()
    assert endpoint.requests[0].hung_up.wait(20)  # from here on the kernel cleans up
    asked.interrupt()
    asked.interrupt()
    (tmp_path / "sent").touch()
    asked.finish(cell)
    assert len(cell.error.splitlines()) == 1
    assert "word" in cell.outputs[0]["data"][HTML]
    assert not cell.left_open
    asked.run("get_ipython().display_pub.unregister_hook(wait_for_the_interrupts)")
    assert asked.value("1 + 1") == "2"


def test_a_cell_magic_is_incomplete_until_its_body_has_come(kernel: Kernel) -> None:
    assert kernel.is_complete("%%ava first") == "incomplete"
    assert kernel.is_complete("%ava what is it?") == "complete"


def test_a_turn_that_was_asked_before_the_one_above_it_is_marked(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("ok")
    asked.run("%ava one", cell_id="a")
    asked.run("%ava two", cell_id="b")
    assert "older" not in asked.run("%ava --history").shown
    asked.run("%ava one again", cell_id="a")
    assert "older than what it follows" in asked.run("%ava --history").shown


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("%ava --option messages=[] hi", "cannot set messages"),
        ("%ava --base-url https://[bad/v1 hi", "not the URL of an endpoint"),
        ("%ava --base-url https://h:99999/v1 hi", "not the URL of an endpoint"),
        ("%ava --base-url http://me:word@127.0.0.1:9/v1 hi", "a name or a password"),
        ("%ava -o class hi", "the name of a variable"),
        ('%ava -s "never closed hi', "a quote that nothing closes"),
    ],
)
def test_an_odd_call_gives_one_line_too(kernel: Kernel, code: str, line: str) -> None:
    cell = kernel.run(code)
    assert line in cell.error
    assert len(cell.error.splitlines()) == 1
    assert "word@" not in cell.error


def test_a_function_goes_in_as_its_source_and_an_error_as_its_traceback(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("ok")
    asked.run(
        "def add(a, b):\n    return a + b\ntry:\n    add(1, 'x')\nexcept TypeError as caught:\n    error = caught"
    )
    asked.run("%ava explain {add} and {error}")
    [(_, prompt)] = endpoint.requests[0].messages
    assert prompt.startswith("explain def add(a, b):\n    return a + b and Traceback")
    assert "unsupported operand" in prompt


def test_a_large_stopped_reply_tells_its_thinking_once(asked: Kernel, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.says("<think>pondered</think>", *["**word** and more. " * 100] * 40, gate)
    cell = asked.start("%ava -n hi")
    assert gate.reached.wait(20)
    asked.collect(cell, lambda: any("word" in html for html in cell.painted))
    asked.interrupt()
    asked.finish(cell)
    assert cell.outputs[0]["data"][HTML].count("pondered") == 1


def test_what_capture_has_taken_holds_the_reply_once(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("captured")
    asked.run("%%capture taken\n%ava hi")
    shown = [output["data"] for output in asked.run("taken.show()").outputs if output["data"]]
    assert len(shown) == 1
    assert "captured" in shown[0][PLAIN]


@pytest.mark.parametrize("name", ["timeout", "frame_rate"])
def test_no_setting_is_nan(kernel: Kernel, name: str) -> None:
    cell = kernel.run(f"%config AvaMagics.{name} = float('nan')")
    assert f"{name} must be a number, not nan" in cell.stderr
    assert kernel.value(f"get_ipython().magics_manager.registry['AvaMagics'].{name} > 0") == "True"


def test_the_words_of_a_refusal_are_shown(kernel: Kernel, endpoint: Endpoint) -> None:
    endpoint.answers(b'data: {"choices": [{"index": 0, "delta": {"refusal": "I cannot do that"}}]}\n\n', END)
    kernel.run(f"%config AvaMagics.base_url = {endpoint.url!r}")
    [output] = kernel.run("%ava hi").outputs
    assert "I cannot do that" in output["data"][HTML]
    assert output["data"][PLAIN].startswith("I cannot do that\n\n[")
    cell = kernel.run("%config AvaMagics.display = 'text'\n%ava hi\n%config AvaMagics.display = 'auto'")
    assert "I cannot do that" in cell.shown


def test_a_value_that_could_not_be_shown_does_not_fail_the_next_question(asked: Kernel, endpoint: Endpoint) -> None:
    """ipykernel 7.4 keeps in mind that showing it failed, for as long as cells await."""
    endpoint.says("fine")
    asked.run("class Broken:\n    def __repr__(self): raise SystemExit\nBroken()")
    asked.run("1 / 0")
    assert asked.run("%ava hi").status == "ok"
    assert asked.run("%ava hi").status == "ok"


_A_LOOP_OF_ITS_OWN = """
import asyncio, threading
from ava_magic import Chat
has_asked, goes_on = threading.Event(), threading.Event()

def ask():
    loop = asyncio.new_event_loop()
    loop.run_until_complete(Chat(base_url={url!r}).ask("hi"))
    has_asked.set()
    goes_on.wait()
    replies.append(loop.run_until_complete(Chat(base_url={url!r}).ask("hi")))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()

replies = []
thread = threading.Thread(target=ask)
thread.start()
has_asked.wait()
"""


def test_loading_again_leaves_the_loop_of_another_thread_alone(asked: Kernel, endpoint: Endpoint) -> None:
    """It may be between two runs, as that of a question in the background is just before its end."""
    endpoint.says("yes")
    asked.run(_A_LOOP_OF_ITS_OWN.format(url=endpoint.url))
    reloaded = asked.run("%reload_ext ava_magic")
    asked.run("goes_on.set(); thread.join()")
    assert reloaded.status == "ok", reloaded.error
    assert asked.value("[str(reply) for reply in replies]") == "['yes']"
    assert asked.value("len(__import__('ava_magic').sessions._sessions)") == "0"
