"""Replies that stream on in the background, in a real kernel and a real terminal."""

from __future__ import annotations

import threading
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from ava_magic import Chat, Reply
from ava_magic.asking import Asking, leave_all
from ava_magic.runner import Run

from .endpoint import END, Endpoint, Gate
from .kernel import HTML, PLAIN, Kernel
from .terminal import Terminal


def test_it_returns_at_once_and_the_reply_ends_under_the_cell_that_asked(asked: Kernel, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.says("first ", gate, "**last**")
    cell = asked.run("%ava -b -o later what is up?")
    assert cell.status == "ok"
    assert not cell.of_type("execute_result")
    assert asked.value("later.done()") == "False"
    gate.open()
    output = asked.wait_for_update(cell, "last")
    assert "<strong>last</strong>" in output["data"][HTML]
    assert output["metadata"]["ava_magic"]["reply"] == "first **last**"


def test_it_streams_while_a_cell_computes(asked: Kernel, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.says("before", gate, "after")
    asked.run("pending = %ava -b what is up?")
    busy = asked.start("print('busy')\nwhile 'after' not in str(pending.reply): pass")
    asked.collect(busy, lambda: busy.stdout != "")
    gate.open()
    assert asked.finish(busy).status == "ok"


def test_awaiting_gives_the_reply_and_shows_it_only_once(asked: Kernel, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.says("the ", gate, "answer")
    asked.run("pending = %ava -b what is up?")
    waiting = asked.start("await pending")
    gate.open()
    cell = asked.finish(waiting)
    assert cell.status == "ok"
    assert not cell.of_type("execute_result")
    assert asked.value("str(_), type(_).__name__") == "('the answer', 'Reply')"
    assert asked.value("pending.done(), str(pending.reply)") == "(True, 'the answer')"
    assert "is here" in asked.value("pending")


def test_a_turn_waits_for_the_one_in_the_background_and_sees_its_reply(asked: Kernel, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.says("one ", gate, "and a half")
    endpoint.says("two")
    endpoint.says("three")
    asked.run("%ava -b first?")
    endpoint.wait_for_request()
    asked.run("%ava -b second?")
    third = asked.start("%ava third?")
    asked.collect(third, lambda: any("waits for the reply before it" in str(m["content"]) for m in third.messages))
    assert len(endpoint.requests) == 1
    gate.open()
    assert asked.finish(third).status == "ok"
    assert endpoint.requests[1].messages == [("user", "first?"), ("assistant", "one and a half"), ("user", "second?")]
    assert endpoint.requests[2].messages[2:] == [("user", "second?"), ("assistant", "two"), ("user", "third?")]


def test_a_question_outside_the_conversation_waits_for_nobody(asked: Kernel, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.says("slow", gate)
    endpoint.says("quick")
    asked.run("%ava -b first?")
    endpoint.wait_for_request()
    assert asked.run("%ava -n second?").status == "ok"
    gate.open()


def test_an_error_is_shown_in_its_place_and_raised_where_it_is_awaited(asked: Kernel, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.answers("half", gate)  # and no end
    cell = asked.run("pending = %ava -b what is up?")
    gate.open()
    output = asked.wait_for_update(cell, "AvaError (truncated)")
    assert "half" in output["data"][HTML]
    assert 'role="alert"' in output["data"][HTML]
    awaited = asked.run("import gc\ntry: await pending\nfinally: gc.collect()")
    assert awaited.error.startswith("AvaError (truncated)")
    assert not awaited.stderr
    assert asked.value("len(get_ipython().magics_manager.registry['AvaMagics'].desk.chats.named().conversation)") == "0"


def test_cancel_hangs_up_and_keeps_what_had_come(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("half", Gate())
    cell = asked.run("pending = %ava -b what is up?")
    asked.run("import time\nwhile not pending.reply: time.sleep(0.01)\npending.cancel()")
    assert endpoint.requests[0].hung_up.wait(20)
    assert asked.wait_for_update(cell, "stopped before its end")["data"][PLAIN].startswith("half")
    assert asked.value("str(pending.reply), pending.reply.partial") == "('half', True)"
    assert asked.run("await pending").reply["ename"] == "KeyboardInterrupt"


def test_what_was_cancelled_before_its_first_word_says_so(asked: Kernel, endpoint: Endpoint) -> None:
    """Its place would be empty: no cell waits that could have a line below it."""
    endpoint.says(Gate())
    cell = asked.run("pending = %ava -b what is up?")
    endpoint.wait_for_request()
    asked.run("pending.cancel()")
    assert asked.wait_for_update(cell, "the reply was stopped before its first word")["metadata"] == {}
    assert asked.run("await pending").error == "Stopped: the reply was stopped before its first word"


def test_before_the_first_word_there_is_no_reply(asked: Kernel, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.says(gate, "")
    asked.run("pending = %ava -b what is up?")
    endpoint.wait_for_request()
    assert gate.reached.wait(20)
    assert asked.value("pending.reply") == "None"
    gate.open()
    assert asked.run("await pending").status == "ok"
    assert asked.value("str(pending.reply)") == "''"


def test_an_interrupt_of_the_cell_that_waits_stops_the_reply(asked: Kernel, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.says("half", gate)
    asked.run("pending = %ava -b what is up?")
    endpoint.wait_for_request()
    assert gate.reached.wait(20)
    # The loop turns, and prints, when the cell has begun to wait.
    waiting = asked.start("import asyncio\nasyncio.get_running_loop().call_soon(print, 'waits')\nawait pending")
    asked.collect(waiting, lambda: waiting.stdout != "")
    asked.interrupt()
    assert asked.finish(waiting).error.startswith("Stopped:")
    assert endpoint.requests[0].hung_up.wait(20)
    assert asked.value("1 + 1") == "2"


def test_an_interrupt_of_another_cell_leaves_it_alone(asked: Kernel, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.says("half", gate, " and half")
    asked.run("pending = %ava -b what is up?")
    busy = asked.start("import time\nprint('busy')\ntime.sleep(60)")
    asked.collect(busy, lambda: busy.stdout != "")
    asked.interrupt()
    assert asked.finish(busy).reply["ename"] == "KeyboardInterrupt"
    gate.open()
    assert asked.run("await pending").status == "ok"
    assert asked.value("str(pending.reply)") == "'half and half'"


def test_many_at_once_leave_no_thread_behind(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("yes")
    asked.run("import threading, asyncio; before = threading.active_count()")
    asked.run("pending = []\nfor i in range(20):\n    p = %ava -b -n number {i}\n    pending.append(p)")
    cell = asked.run("replies = await asyncio.gather(*pending)\nprint(len(replies), set(map(str, replies)))")
    assert cell.stdout == "20 {'yes'}\n"
    asked.run("for thread in threading.enumerate():\n    if thread.name == 'ava': thread.join()")
    assert asked.value("threading.active_count() <= before") == "True"


def test_unloading_stops_what_runs_in_the_background(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("half", Gate())
    cell = asked.run("pending = %ava -b what is up?")
    asked.run("import time\nwhile not pending.reply: time.sleep(0.01)")
    asked.run("%reload_ext ava_magic")
    assert endpoint.requests[0].hung_up.wait(20)
    assert "half" in asked.wait_for_update(cell, "stopped before its end")["data"][HTML]


@pytest.mark.skipif(version("ipykernel").startswith("7.0."), reason="it sends nothing for the cell that runs now")
def test_a_headless_run_keeps_the_reply_under_the_cell_that_asked(endpoint: Endpoint) -> None:
    endpoint.says("in the", " background")
    cells = [
        f"%load_ext ava_magic\n%config AvaMagics.base_url = {endpoint.url!r}",
        "pending = %ava -b what is up?",
        "reply = await pending",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, kernel_name="python3").execute()
    [output] = notebook.cells[1].outputs
    assert output["data"]["text/markdown"] == "in the background"
    assert not notebook.cells[2].outputs
    assert "widgets" not in notebook.metadata


def test_a_reply_that_ends_between_two_cells_of_a_headless_run_is_not_lost(asked: Kernel, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.says("in ", gate, "between")
    cell = asked.run("pending = %ava -b what is up?", allow_stdin=False)
    gate.open()
    asked.wait_for_update(cell, "scripted")
    following = asked.run("1 + 1", allow_stdin=False)
    [update] = following.of_type("update_display_data")
    assert update["data"]["text/markdown"] == "in between"
    assert not asked.run("1 + 1", allow_stdin=False).of_type("update_display_data")


@pytest.mark.parametrize("terminal", [""], indirect=True)
def test_in_a_terminal_it_is_printed_when_it_is_whole(terminal: Terminal, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.answers("half ", gate, "and **half**", END)
    assert "Pending" in terminal.run("%ava -b what is up?", 3)
    gate.open()
    screen = terminal.until("scripted")
    assert "[in the background: what is up?]" in screen
    assert "half and half" in screen
    assert "2" in terminal.run("1 + 1", 4)
    assert "half and **half**" in terminal.run("str(await _2)", 5)


_TAKES_ITS_LEAVE = """
import asyncio

async def slow(model, messages, **fields):
    try:
        yield "half"
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0.1)
        print("has hung up")
"""


@pytest.mark.parametrize("terminal", [""], indirect=True)
def test_leaving_a_terminal_waits_a_moment_for_what_hangs_up(terminal: Terminal, tmp_path: Path) -> None:
    """The program's end meets each thread where it stands: aiohttp would complain of a session that is open there."""
    (tmp_path / "taking.py").write_text(_TAKES_ITS_LEAVE)
    terminal.run(f"import sys; sys.path.insert(0, {str(tmp_path)!r})", 3)
    terminal.run("pending = %ava -b -p taking:slow hi", 4)
    terminal.run("while not pending.reply: pass", 5)
    terminal.send("exit")
    terminal.until("has hung up")


_HANGS_UP_AFTER_A_FRAME = """
import asyncio, threading
from ava_magic import runner, turn
hang_up, frame, frames = turn.hang_up, runner._frame, []

def counted(paint):
    frames.append(paint)
    return frame(paint)

async def slowly(deltas):
    so_far = len(frames)
    while len(frames) == so_far:
        await asyncio.sleep(0.01)
    await hang_up(deltas)

runner._frame, turn.hang_up = counted, slowly
"""


def test_nothing_is_painted_over_what_unloading_has_left(fresh_kernel: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("half", Gate())
    fresh_kernel.run(f"%load_ext ava_magic\n%config AvaMagics.base_url = {endpoint.url!r}")
    fresh_kernel.run(_HANGS_UP_AFTER_A_FRAME)
    cell = fresh_kernel.run("pending = %ava -b what is up?", allow_stdin=False)
    fresh_kernel.run("while not pending.reply: pass\n%reload_ext ava_magic")
    fresh_kernel.run("[thread.join() for thread in threading.enumerate() if thread.name == 'ava']\nprint('over')")
    fresh_kernel.wait_for_update(cell, "stopped before its end")
    assert "stopped before its end" in fresh_kernel._updates[-1]["content"]["data"][PLAIN]


_CLOSES_ITS_LOOP_LATE = """
import asyncio, threading
from ava_magic import runner
is_shown, may_end, once = threading.Event(), threading.Event(), runner._run_on_new_loop

def late(work):
    async def and_then():
        await work()
        is_shown.set()
        await asyncio.to_thread(may_end.wait)
    once(and_then)

runner._run_on_new_loop = late
"""


def test_cancelling_what_stands_there_whole_changes_nothing(fresh_kernel: Kernel, endpoint: Endpoint) -> None:
    """A reply is shown a moment before its thread is over."""
    endpoint.says("whole")
    fresh_kernel.run(f"%load_ext ava_magic\n%config AvaMagics.base_url = {endpoint.url!r}")
    fresh_kernel.run(_CLOSES_ITS_LOOP_LATE)
    fresh_kernel.run("pending = %ava -b what is up?\nis_shown.wait()\npending.cancel()\nmay_end.set()")
    awaited = fresh_kernel.run("reply = await pending")
    assert awaited.status == "ok", awaited.error
    assert "is here" in fresh_kernel.value("pending")


def test_who_leaves_what_is_just_being_shown_waits_until_it_stands_there() -> None:
    """A kernel is shut down by another thread than the one that shows the end of a reply."""
    is_showing, may_show, shown, left = threading.Event(), threading.Event(), [], []

    class Slow:
        def open(self) -> None: ...

        def paint(self) -> float:
            return 1.0

        def close(self, reply: Reply | None, failure: str = "") -> None:
            is_showing.set()
            may_show.wait(20)
            shown.append(reply)

    def leave() -> None:
        leave_all()
        left.append(len(shown))

    chat = Chat(provider="guide")
    asking = Asking(chat, chat.begin("hi"), Slow(), Run(), background=True, out="")
    asking.open()
    threads = [threading.Thread(target=asking.close), *(threading.Thread(target=leave) for _ in range(2))]
    threads[0].start()
    assert is_showing.wait(20)
    for thread in threads[1:]:
        thread.start()
        thread.join(0.1)  # it ends by then if nothing keeps it
    may_show.set()
    for thread in threads:
        thread.join()
    assert left == [1, 1]
