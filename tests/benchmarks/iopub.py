"""What a kernel publishes, weighed as it passes."""

from __future__ import annotations

from dataclasses import dataclass

import zmq

from tests.kernel import Kernel

__all__ = ["Meter", "Weight"]

_CPU = "__import__('time').process_time()"
_LONGEST = 120_000  # milliseconds between two messages


@dataclass(frozen=True)
class Weight:
    """What a cell cost: bytes and messages published, and seconds of the kernel's processor time."""

    bytes: int
    messages: int
    cpu: float


class Meter:
    """Runs cells in a kernel, as its only front end, and weighs what is published meanwhile."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        kernel.client.iopub_channel.stop()  # it would be a second one to send everything to
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
        self._socket.setsockopt(zmq.RCVHWM, 0)  # nothing is dropped
        self._socket.setsockopt(zmq.RCVTIMEO, _LONGEST)
        self._socket.subscribe(b"")
        self._socket.connect(f"ipc://{kernel.manager.ip}-{kernel.manager.iopub_port}")
        while not self._socket.poll(200):  # until the subscription has arrived
            self._reply(kernel.start("pass").message_id)
        while self._socket.poll(200):
            self._socket.recv_multipart()

    def weigh(self, code: str) -> Weight:
        """Run a cell to its end; raise :class:`RuntimeError` where it fails."""
        before = self._run("pass")
        after = self._run(code)
        return Weight(after.bytes, after.messages, after.cpu - before.cpu)

    def close(self) -> None:
        self._socket.close(linger=0)

    def _run(self, code: str) -> Weight:
        message_id = self._kernel.start(code, user_expressions={"cpu": _CPU}).message_id
        sizes = []
        over = False
        while not over:
            frames = self._socket.recv_multipart()
            sizes.append(sum(map(len, frames)))
            over = _is_idle(frames, message_id.encode())
        return Weight(sum(sizes), len(sizes), self._reply(message_id))

    def _reply(self, message_id: str) -> float:
        """Seconds of processor time that the kernel had used when the cell was done."""
        while True:
            reply = self._kernel.client.get_shell_msg(timeout=_LONGEST)
            if reply["parent_header"].get("msg_id") == message_id:
                break
        if reply["content"]["status"] != "ok":
            raise RuntimeError("\n".join(reply["content"]["traceback"]))
        expressions = reply["content"]["user_expressions"]
        return float(expressions["cpu"]["data"]["text/plain"]) if expressions else 0.0


def _is_idle(frames: list[bytes], message_id: bytes) -> bool:
    """Whether this message ends that cell (Jupyter's messaging, "The Wire Protocol", gives the order of the frames)."""
    _, header, parent, _, content = frames[frames.index(b"<IDS|MSG>") + 1 :][:5]
    return message_id in parent and b'"status"' in header and b'"idle"' in content
