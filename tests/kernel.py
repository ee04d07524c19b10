"""A real IPython kernel, spoken to as a front end does."""

from __future__ import annotations

import itertools
import queue
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.manager import KernelManager

HTML, PLAIN = "text/html", "text/plain"
WIDGET = "application/vnd.jupyter.widget-view+json"


@dataclass
class Cell:
    """A cell under way, and what has come of it."""

    message_id: str
    messages: list[dict[str, Any]] = field(default_factory=list)
    reply: dict[str, Any] = field(default_factory=dict)

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [message["content"] for message in self.messages if message["msg_type"] == kind]

    @property
    def status(self) -> str:
        return str(self.reply["status"])

    @property
    def stdout(self) -> str:
        return "".join(content["text"] for content in self.of_type("stream") if content["name"] == "stdout")

    @property
    def stderr(self) -> str:
        return "".join(content["text"] for content in self.of_type("stream") if content["name"] == "stderr")

    @property
    def error(self) -> str:
        """What stands under the cell where a traceback would."""
        return "\n".join(line for content in self.of_type("error") for line in content["traceback"])

    @property
    def shown(self) -> str:
        """What a command shows, as a terminal would: what it prints, then its outputs in plain text."""
        return self.stdout + "".join(output["data"][PLAIN] for output in self.outputs)

    @property
    def result(self) -> str:
        return "".join(content["data"][PLAIN] for content in self.of_type("execute_result"))

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """The cell's display outputs as a front end holds them: each update in the place of what it updates."""
        outputs: list[dict[str, Any]] = []
        places: dict[str, dict[str, Any]] = {}
        for message in self.messages:
            content = message["content"]
            if message["msg_type"] == "display_data":
                outputs.append(content)
                places[content.get("transient", {}).get("display_id", "")] = content
            elif message["msg_type"] == "update_display_data":
                if place := places.get(content["transient"]["display_id"]):  # else it is another cell's
                    place.update(data=content["data"], metadata=content["metadata"])
        return outputs

    @property
    def left_open(self) -> set[str]:
        """The widgets that were opened and not closed."""
        opened, closed = ({content["comm_id"] for content in self.of_type(f"comm_{end}")} for end in ("open", "close"))
        return opened - closed

    @property
    def painted(self) -> list[str]:
        """The HTML of every frame of every ``Output`` widget, in order."""
        outputs = [output for state in self._states for output in state.get("outputs") or ()]
        return [output["data"][HTML] for output in outputs if HTML in output["data"]]

    @property
    def seen(self) -> str:
        """What was printed, the outputs as they stand, and every frame and line that widgets have shown."""
        outputs = [output["data"].get(HTML, "") for output in self.outputs]
        told = [state["value"] for state in self._states if isinstance(state.get("value"), str)]
        return "\n".join([self.stdout, *outputs, *self.painted, *told])

    @property
    def _states(self) -> list[dict[str, Any]]:
        contents = self.of_type("comm_open") + self.of_type("comm_msg")
        return [content["data"]["state"] for content in contents if "state" in content["data"]]


class Kernel:
    """One kernel and one client.

    They meet at sockets in a folder: a port that is free when it is chosen may be somebody else's when the kernel, half
    a second later, binds it.
    """

    def __init__(self, **environment: str) -> None:
        self._folder = tempfile.TemporaryDirectory()
        place = str(Path(self._folder.name) / "kernel")
        self.manager = KernelManager(kernel_name="python3", transport="ipc", ip=place)
        self.manager.start_kernel(**({"env": environment} if environment else {}))
        self.client = self.manager.client()
        self.client.context.rcvhwm = 0  # none is thrown away: by default a client 2,000 messages late loses the next
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self._updates: list[dict[str, Any]] = []

    def start(self, code: str, *, cell_id: str | None = None, allow_stdin: bool = True, **options: Any) -> Cell:
        """Send a cell and do not wait."""
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": allow_stdin,
            "stop_on_error": True,
        } | options
        return self.send("execute_request", content, {} if cell_id is None else {"cellId": cell_id})

    def send(self, kind: str, content: dict[str, Any], metadata: dict[str, str] | None = None) -> Cell:
        """Send any message on the shell channel; what comes of it is collected as a cell's outputs are."""
        message = self.client.session.msg(kind, content, metadata=metadata)
        self.client.shell_channel.send(message)
        return Cell(message["header"]["msg_id"])

    def click(self, comm_id: str) -> Cell:
        """Click on a button, by the id of its widget."""
        return self.send("comm_msg", {"comm_id": comm_id, "data": {"method": "custom", "content": {"event": "click"}}})

    def finish(self, cell: Cell, timeout: float = 60) -> Cell:
        """Collect what a cell says until it is done."""
        self.collect(cell, lambda: any(map(_is_idle, cell.messages[-1:])), timeout)
        while not cell.reply:
            reply = self.client.get_shell_msg(timeout=timeout)
            if reply["parent_header"].get("msg_id") == cell.message_id:
                cell.reply = reply["content"]
        return cell

    def collect(self, cell: Cell, enough: Callable[[], bool], timeout: float = 60) -> Cell:
        """Collect what a cell says until ``enough()``; fail after ``timeout`` seconds."""
        if enough():  # perhaps no further message comes
            return cell
        for message in self._messages(timeout):
            if message["parent_header"].get("msg_id") == cell.message_id:
                cell.messages.append(message)
                if enough():
                    return cell
        kinds = [message["msg_type"] for message in cell.messages]
        raise AssertionError(f"waited in vain; so far {len(kinds)} messages, at last {kinds[-20:]} {cell.error}")

    def wait_for_update(self, cell: Cell, words: str, timeout: float = 60) -> dict[str, Any]:
        """The content of ``cell``'s display as soon as its plain text holds ``words``, whichever cell runs by then."""
        [place] = [content["transient"]["display_id"] for content in cell.of_type("display_data")]
        for message in itertools.chain(list(self._updates), self._messages(timeout)):
            content: dict[str, Any] = message["content"]
            is_it = message["msg_type"] == "update_display_data" and content["transient"]["display_id"] == place
            if is_it and words in content["data"][PLAIN]:
                return content
        raise AssertionError(f"waited in vain for {words!r}")

    def run(self, code: str, **options: Any) -> Cell:
        """Run a cell to its end.  No other cell waits, so there is none for an error to abort.

        A cell that comes in the moment after an error may be aborted too, before it has run: it is sent again.
        """
        while (cell := self.finish(self.start(code, **{"stop_on_error": False, **options}))).status == "aborted":
            pass
        return cell

    def value(self, expression: str) -> str:
        """The ``repr`` of an expression."""
        cell = self.run(f"print(repr(({expression})))", store_history=False)
        assert cell.status == "ok", cell.error
        return cell.stdout.strip()

    def lets_errors_through(self, code: str) -> bool:
        """Whether an error in that cell ends it: old versions of IPython swallow it under ``%%time``."""
        magic = code.partition("\n")[0] if code.startswith("%%time") else ""
        return self.run(f"{magic}\n1 / 0").status == "error"

    def is_complete(self, code: str) -> str:
        """What the kernel says of code that is still being typed: ``complete``, ``incomplete`` or ``invalid``."""
        return self.finish(self.send("is_complete_request", {"code": code})).status

    def interrupt(self) -> None:
        self.manager.interrupt_kernel()

    def shutdown(self, *, now: bool = True) -> None:
        """End it; not ``now``: in peace, so that it writes its history."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=now)
        self._folder.cleanup()

    def _messages(self, timeout: float) -> Iterator[dict[str, Any]]:
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            try:
                message = self.client.get_iopub_msg(timeout=left)
            except queue.Empty:
                return
            if message["msg_type"] == "update_display_data":
                self._updates.append(message)
            yield message


def _is_idle(message: dict[str, Any]) -> bool:
    return bool(message["msg_type"] == "status" and message["content"]["execution_state"] == "idle")
