"""Programs without a network.

Every Python process of such a program has a hook that refuses each connection and each look-up of a name, and writes
down that it was tried; the kernel's own channels are not Python's sockets.  Where the system lets us, the program also
runs in a network namespace of its own, in which there is no other machine, nor any server of this one.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

_HOOK = """
import errno, os, sys

def refuse(event, arguments):
    if event == "socket.connect" and not isinstance(arguments[1], tuple):
        return  # no address of a network
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        with open(os.environ["OFFLINE_LOG"], "a") as log:
            log.write(f"{event} {arguments[1:]}\\n")
        raise OSError(errno.ENETUNREACH, "offline")

sys.addaudithook(refuse)
"""
_LOOPBACK_UP = """
import fcntl, os, socket, struct, sys

with socket.socket() as probe:  # SIOCSIFFLAGS, IFF_UP; see netdevice(7)
    fcntl.ioctl(probe, 0x8914, struct.pack("16sh14x", b"lo", 1))
os.execvp(sys.argv[1], sys.argv[1:])
"""


@functools.cache
def _in_a_namespace() -> tuple[str, ...]:
    """How to begin a command so that it has a network of its own, and only the loopback in it; empty: not here."""
    if not sys.platform.startswith("linux") or not shutil.which("unshare"):
        return ()
    command = ("unshare", "--map-root-user", "--net", sys.executable, "-c", _LOOPBACK_UP)
    tried = subprocess.run([*command, "true"], capture_output=True, check=False)
    return command if tried.returncode == 0 else ()


class Offline:
    """Runs programs in ``folder`` without a network; ``tried`` is what they tried nevertheless."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._hook = folder / ".offline"
        self._hook.mkdir()
        (self._hook / "sitecustomize.py").write_text(_HOOK)
        self._log = self._hook / "log"

    @property
    def tried(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """``python -m command``."""
        path = os.pathsep.join([str(self._hook), str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
        return subprocess.run(
            [*_in_a_namespace(), sys.executable, "-m", *command],
            cwd=self._folder,
            env=os.environ | {"PYTHONPATH": path, "OFFLINE_LOG": str(self._log)} | environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
