"""What ``%load_ext ava_magic`` costs a fresh IPython."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from .table import Row
from .timing import compare

__all__ = ["load"]

_ROUNDS = 7
_PROMISE = 30.0  # milliseconds
_HEAVY = ("aiohttp", "ipywidgets", "rich")
_SCRIPT = f"""
import json, sys, time
from IPython.terminal.interactiveshell import TerminalInteractiveShell
shell = TerminalInteractiveShell.instance()
started = time.perf_counter()
shell.run_line_magic("load_ext", sys.argv[1])
took = time.perf_counter() - started
print(json.dumps([1000 * took, [name for name in {_HEAVY!r} if name in sys.modules]]))
"""


def load() -> Iterator[Row]:
    """%load_ext in a fresh IPython process: ava_magic against autoreload, which IPython brings along"""
    heavy: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "IPYTHONDIR": folder}

        def milliseconds(extension: str) -> float:
            command = [sys.executable, "-c", _SCRIPT, extension]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            took, imported = json.loads(done.stdout.splitlines()[-1])
            if extension == "ava_magic":
                heavy.update(imported)
            return float(took)

        taken = compare(_ROUNDS, lambda: milliseconds("ava_magic"), lambda: milliseconds("autoreload"))
    figures = f"{taken.ours:.1f} ms", f"{taken.theirs:.1f} ms", f"{taken.ratio:.1f}", f"<= {_PROMISE:.0f} ms"
    yield Row("%load_ext", *figures, taken.ours <= _PROMISE)
    names = ", ".join(sorted(heavy)) or "none"
    yield Row(f"imported of {', '.join(_HEAVY)}", names, promise="none", kept=not heavy)
