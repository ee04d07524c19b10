"""A program under a pseudo-terminal, spoken to as a person does."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import pexpect

__all__ = ["IPYTHON", "Program", "Screen", "Terminal"]

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x1b\][^\x07]*\x07")
IPYTHON = ("-m", "IPython", "--no-banner", "--no-confirm-exit", "--colors=NoColor")


_PROGRAM = """
import asyncio, IPython
from traitlets.config import Config

beats = []
beat = asyncio.Event()

async def heart():
    while True:
        beats.append(1)
        beat.set()
        await asyncio.sleep(0.001)

def embed():
    config = Config()
    config.InteractiveShellEmbed.simple_prompt = {simple}
    IPython.embed(banner1="", config=config, using="{using}")

async def main():
    pulse = asyncio.create_task(heart())
    await beat.wait()
    embed()
    beat.clear()
    await asyncio.wait_for(beat.wait(), 10)
    print("the program goes on")

def plain():
    embed()
    print("the program goes on")

{start}
"""


def _hear_ctrl_c() -> None:
    """As in a terminal, whatever runs the tests: what a shell starts in the background ignores the signal."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Screen:
    """A program that Python is told to run; ``until`` waits for words on its screen.

    ``folder`` is where IPython and Jupyter keep what is theirs.
    """

    def __init__(self, folder: Path, *arguments: str) -> None:
        folders = {name: str(folder) for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR")}
        environment = {**os.environ, **folders, "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"}
        self.child = pexpect.spawn(
            sys.executable,
            list(arguments),
            env=environment,
            encoding="utf-8",
            timeout=60,
            dimensions=(40, 100),
            preexec_fn=_hear_ctrl_c,
        )

    def until(self, pattern: str) -> str:
        """What came on the screen up to ``pattern``, without colours."""
        self.child.expect(pattern)
        return _ESCAPES.sub("", self.child.before + self.child.after)

    def send(self, line: str) -> None:
        self.child.send(line + "\r")

    def run(self, line: str, number: int) -> str:
        """Run a line, and return what was on the screen up to the prompt with that number."""
        self.send(line)
        return self.until(rf"In \[{number}\]:")

    def close(self) -> None:
        if self.child.isalive():
            self.child.kill(signal.SIGKILL)
            self.child.wait()
        self.child.close()


class Terminal(Screen):
    """An IPython shell, at its first prompt."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        super().__init__(folder, *IPYTHON, *arguments)
        self.until(r"In \[1\]:")


class Program(Screen):
    """A program that embeds a shell, up to the shell's first prompt, with the extension loaded."""

    def __init__(self, folder: Path, start: str, *, simple: bool = True, using: str = "sync") -> None:
        script = folder / "program.py"
        script.write_text(_PROGRAM.format(simple=simple, using=using, start=start))
        super().__init__(folder, str(script))
        self.until(r"In \[1\]:")
        self.run("%load_ext ava_magic", 2)
