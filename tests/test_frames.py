"""What a notebook is sent while a reply streams: the line above it, the Stop button, and each frame once."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest

from .endpoint import Endpoint, Gate
from .kernel import HTML, PLAIN, Cell, Kernel

_HOW_TO_STOP = "interrupt the kernel to stop"
_KNOWS_SUBSHELLS = int(version("ipykernel").partition(".")[0]) >= 7

# Each look at the reply, new words or none, is told: a frame that was left out can be waited for.
_TELL_LOOKS = """
from ava_magic.views import notebook, updates
def tell(paint):
    def telling(view):
        wanted = paint(view)
        print("looked")
        return wanted
    return telling
views = notebook.WidgetView, updates.HtmlView
own = [view.paint for view in views]
for view in views:
    view.paint = tell(view.paint)
"""
_TELL_NO_LOOKS = "for view, paint in zip(views, own):\n    view.paint = paint"


@pytest.fixture
def watched(asked: Kernel) -> Iterator[Kernel]:
    """A kernel that tells of each look at a reply that streams."""
    assert asked.run(_TELL_LOOKS).status == "ok"
    yield asked
    asked.run(_TELL_NO_LOOKS)


@pytest.fixture
def subshell(asked: Kernel) -> Iterator[str]:
    """A subshell of the kernel, as JupyterLab opens one for what its widgets say."""
    if not _KNOWS_SUBSHELLS:
        pytest.skip("this ipykernel knows no subshells")
    identity = _control(asked, "create_subshell_request")["subshell_id"]
    yield identity
    assert _control(asked, "delete_subshell_request", subshell_id=identity)["status"] == "ok"


def _control(kernel: Kernel, kind: str, **content: str) -> dict[str, Any]:
    message = kernel.client.session.msg(kind, content)
    kernel.client.control_channel.send(message)
    while (reply := kernel.client.get_control_msg(timeout=20))["parent_header"]["msg_id"] != message["header"][
        "msg_id"
    ]:
        pass
    return dict(reply["content"])


def _click(kernel: Kernel, button: str, subshell: str) -> None:
    content = {"comm_id": button, "data": {"method": "custom", "content": {"event": "click"}}}
    message = kernel.client.session.msg("comm_msg", content)
    message["header"]["subshell_id"] = subshell
    kernel.client.shell_channel.send(message)


def _states(cell: Cell) -> list[tuple[str, dict[str, Any]]]:
    """What each widget was said to be, in order: its first state whole, then what changes."""
    contents = [m["content"] for m in cell.messages if m["msg_type"] in ("comm_open", "comm_msg")]
    return [(content["comm_id"], content["data"]["state"]) for content in contents if "state" in content["data"]]


def _lines(cell: Cell) -> list[str]:
    """The lines that have stood above the reply."""
    return [state["value"] for _, state in _states(cell) if isinstance(state.get("value"), str) and state["value"]]


def _tells(cell: Cell, words: str) -> bool:
    return any(words in line for line in _lines(cell))


def _shows(cell: Cell, words: str) -> bool:
    plain = [content["data"].get(PLAIN, "") for content in cell.of_type("update_display_data")]
    return any(words in shown for shown in [*cell.painted, *plain])


def _was_looked_at(cell: Cell, times: int) -> bool:
    return cell.stdout.count("looked") >= times


def _button(cell: Cell) -> str:
    [button] = [identity for identity, state in _states(cell) if state.get("_model_name") == "ButtonModel"]
    return button


def _looks(cell: Cell) -> dict[str, Any]:
    """How the Stop button is laid out by now."""
    buttons = [state for _, state in _states(cell) if state.get("_model_name") == "ButtonModel"]
    layouts = [state["layout"].removeprefix("IPY_MODEL_") for state in buttons]
    return {name: value for identity, state in _states(cell) if identity in layouts for name, value in state.items()}


def test_the_line_shows_time_and_tokens_which_grow(asked: Kernel, endpoint: Endpoint) -> None:
    gates = [Gate(), Gate()]
    endpoint.says("word " * 80, gates[0], "word " * 80, gates[1])
    cell = asked.start("%ava hi")
    for gate, tokens in zip(gates, (100, 200), strict=True):
        asked.collect(cell, functools.partial(_tells, cell, f"about {tokens} tokens"))
        gate.open()
    asked.finish(cell)
    told = [re.search(r"openai-compatible · (\d+) s · about (\d+) tokens", line) for line in _lines(cell)]
    assert all(told)
    seconds, sizes = ([int(match[number]) for match in told if match] for number in (1, 2))
    assert (sizes[0], sizes[-1]) == (0, 200)
    assert sizes == sorted(sizes)
    assert seconds == sorted(seconds)
    assert seconds[0] < seconds[-1]


def test_without_a_subshell_there_is_no_dead_button(asked: Kernel, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.says("first", gate)
    cell = asked.start("%ava hi")
    asked.collect(cell, lambda: bool(_looks(cell)))  # as it was when it was made
    assert _looks(cell)["display"] == ("" if _KNOWS_SUBSHELLS else "none")  # it keeps its place where it may come yet
    asked.collect(cell, lambda: "first" in "".join(cell.painted))
    if _KNOWS_SUBSHELLS:
        asked.collect(cell, lambda: _looks(cell)["display"] == "none")  # no gap where it does not
    gate.open()
    asked.finish(cell)
    assert all(_HOW_TO_STOP in line for line in _lines(cell))
    assert _looks(cell)["visibility"] == "hidden"


@pytest.mark.usefixtures("aborts_the_queue")
@pytest.mark.parametrize("words", [(), ("half a reply",)], ids=["silent", "half"])
def test_a_click_on_stop_ends_an_awaited_reply(
    asked: Kernel, endpoint: Endpoint, subshell: str, words: tuple[str, ...]
) -> None:
    endpoint.says(*words, Gate(), "never sent")
    cell = asked.start("%ava hi")
    queued = asked.start("after = True")
    asked.collect(cell, lambda: "".join(words) in "".join(cell.painted) and "visible" in _looks(cell).values())
    assert not any(_HOW_TO_STOP in line for line in _lines(cell))
    request = endpoint.wait_for_request()
    _click(asked, _button(cell), subshell)
    assert request.hung_up.wait(20)
    asked.finish(cell)
    assert cell.reply["ename"] == "KeyboardInterrupt"
    assert len(cell.error.splitlines()) == 1
    assert asked.finish(queued).status == "aborted"
    if words:
        assert "half a reply" in cell.outputs[0]["data"][HTML]
        assert asked.value("str(_), _.partial") == "('half a reply', True)"


def test_a_button_comes_when_a_subshell_does(asked: Kernel, endpoint: Endpoint) -> None:
    """JupyterLab opens it when the first widget appears, which is after the reply has begun."""
    if not _KNOWS_SUBSHELLS:
        pytest.skip("this ipykernel knows no subshells")
    gate = Gate()
    endpoint.says("first", gate)
    cell = asked.start("%ava hi")
    asked.collect(cell, lambda: "first" in "".join(cell.painted))
    assert _looks(cell)["visibility"] == "hidden"
    identity = _control(asked, "create_subshell_request")["subshell_id"]
    asked.collect(cell, lambda: _looks(cell)["visibility"] == "visible")
    asked.collect(cell, lambda: _HOW_TO_STOP not in _lines(cell)[-1])
    gate.open()
    asked.finish(cell)
    _control(asked, "delete_subshell_request", subshell_id=identity)


def test_a_settled_output_never_changes_again(asked: Kernel, endpoint: Endpoint) -> None:
    blocks = [f"Block {n} of **many**. " + "It goes on. " * 100 for n in range(30)]
    gates = [Gate() for _ in blocks]
    endpoint.says(*[step for pair in zip([f"{block}\n\n" for block in blocks], gates, strict=True) for step in pair])
    cell = asked.start("%ava hi")
    for number, gate in enumerate(gates):
        asked.collect(cell, functools.partial(_shows, cell, f"Block {number} of"))
        gate.open()
    asked.finish(cell)
    outputs: list[str] = []
    for identity, state in _states(cell):
        if state.get("_model_name") == "OutputModel":
            outputs.append(identity)
        elif state.get("outputs"):
            assert identity == outputs[-1]
    assert len(outputs) > 3
    html = "".join(dict(_painted(cell))[identity] for identity in outputs)
    assert [html.count(f"Block {n} of") for n in range(30)] == [1] * 30


def _painted(cell: Cell) -> Iterator[tuple[str, str]]:
    for identity, state in _states(cell):
        for output in state.get("outputs") or ():
            yield identity, output["data"][HTML]


@pytest.mark.parametrize("display", ["widget", "html", "text"])
def test_a_frame_is_left_out_where_nothing_changed(watched: Kernel, endpoint: Endpoint, display: str) -> None:
    gates = [Gate(), Gate()]
    endpoint.says("first words", gates[0], " and more", gates[1])  # a word before the end may have a frame of its own
    cell = watched.start(f"%config AvaMagics.display = {display!r}\n%ava hi")
    for gate, words in zip(gates, ("first words", "first words and more"), strict=True):
        watched.collect(cell, functools.partial(_shows, cell, words))
        watched.collect(cell, functools.partial(_was_looked_at, cell, cell.stdout.count("looked") + 4))
        gate.open()
    watched.finish(cell)
    known: dict[str, dict[str, Any]] = {}
    for identity, state in _states(cell):
        before = known.get(identity, {})
        assert any(before.get(name, state) != value for name, value in state.items()), state
        known[identity] = before | state
    frames = [content["data"] for content in cell.of_type("update_display_data")]
    assert len(frames) == (1 if display == "widget" else 3)
    assert all(frame != after for frame, after in itertools.pairwise(frames))
