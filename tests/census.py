"""What a kernel holds: run inside it, before and after, to see what was left behind."""

from __future__ import annotations

import asyncio
import collections
import gc
import os
import re
import signal
import threading
from pathlib import Path
from typing import Any

import ipywidgets
from IPython.core.getipython import get_ipython

__all__ = ["census", "resident"]


def census() -> dict[str, Any]:
    """Tasks, threads, open files, signal handlers, widgets, and what stands in IPython's lists."""
    opened = _open_files()
    gc.collect()  # after that: files are closed, and not left to the collector
    shell = get_ipython()
    assert shell is not None
    widgets = getattr(ipywidgets.widgets.widget, "_instances", None)
    return {
        "tasks": len(asyncio.all_tasks()),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "files": opened,
        "handlers": [str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)],
        "widgets": len(ipywidgets.Widget.widgets if widgets is None else widgets),
        "transforms": len(shell.input_transformers_cleanup),
        "events": {name: len(calls) for name, calls in shell.events.callbacks.items()},
        "configurables": len(shell.configurables),
    }


def resident() -> int:
    """Bytes of memory in use, when what is garbage has been collected."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _open_files() -> dict[str, int]:
    """How many are open of each kind, as Linux tells it.

    Two kinds are not ours: IPython's history, and the event descriptors of threads that spoke, which ipykernel clears
    away every 10 s.
    """
    found: collections.Counter[str] = collections.Counter()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            name = str(entry.readlink())
        except FileNotFoundError:  # the one that lists them
            continue
        if "eventfd" not in name and "profile_default" not in name:
            found[re.sub(r":\[\d+\]", "", name)] += 1
    return dict(sorted(found.items()))
