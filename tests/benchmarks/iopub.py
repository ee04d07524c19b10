"""What a kernel publishes, weighed as it passes."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import zmq

from tests.kernel import Kernel

__all__ = ["Meter", "Weight"]

_CPU = "__import__('time').process_time()"
_SLOWEST = 300.0  # seconds that a cell may take


@dataclass(frozen=True)
class Weight:
    """What a cell cost: bytes and messages published, and seconds of the kernel's processor time."""

    bytes: int
    messages: int
    cpu: float


class Meter:
    """Runs cells in a kernel that nobody else listens to, and weighs what it publishes meanwhile."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        kernel.client.iopub_channel.stop()  # it would be a second one to send everything to
        self._socket = zmq.Context.instance().socket(zmq.SUB)
        self._socket.rcvhwm = 0  # nothing is dropped
        self._socket.rcvtimeo = int(1e3 * _SLOWEST)
        self._socket.subscribe(b"")
        self._socket.connect(f"tcp://127.0.0.1:{kernel.manager.iopub_port}")
        while not self._socket.poll(500):  # until the subscription has arrived
            self._reply_to("pass")

    def weigh(self, code: str) -> Weight:
        """Run a cell to its end."""
        before = self._cpu("pass")
        ...
