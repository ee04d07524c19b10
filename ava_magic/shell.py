"""What an IPython shell is in the middle of, as far as running a coroutine depends on it.

IPython has no interface for most of this, so each question is answered here, once, with what its sources show.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import sys
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from IPython.core import async_helpers
from IPython.core.displayhook import CapturingDisplayHook
from IPython.core.getipython import get_ipython

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionInfo, InteractiveShell

__all__ = [
    "can_await",
    "cell_of",
    "forget_display_error",
    "hide_our_frames",
    "in_notebook",
    "in_own_task_of_a_cell",
    "is_displaying_result",
    "is_foreign_loop",
    "may_display",
    "own_loop",
]

_DISPLAY_ERROR = "_last_traceback_during_displayhook"


def can_await(shell: InteractiveShell) -> bool:
    """Whether the cell that is being transformed will be run so that a top-level ``await`` works.

    The kernel transforms a cell in a coroutine and awaits the result; ``run_cell`` can do as much only where no loop
    runs.  Everybody else (``%%time``, ``%timeit``, ``%prun``) compiles the result as plain Python.
    """
    if not shell.autoawait or shell.loop_runner is not async_helpers._asyncio_runner:
        return False
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_name != "transform_cell":
        frame = frame.f_back
    while frame is not None and frame.f_code.co_name == "transform_cell":
        frame = frame.f_back
    if frame is None:
        return False
    if frame.f_code.co_flags & inspect.CO_COROUTINE:
        return True
    return frame.f_code.co_name == "_run_cell" and asyncio._get_running_loop() is None


def cell_of(info: ExecutionInfo) -> str | None:
    """The cell that runs, as the front end names it; ``None`` where it is not told (IPython 7).

    VS Code names it by a URI, ``vscode-notebook-cell:/home/.../notebook.ipynb#W2sZmlsZQ%3D%3D``.  What is behind the
    ``#`` names the cell; the path is nobody's business in a notebook that is shared.
    """
    told: str | None = getattr(info, "cell_id", None)
    return told.rpartition("#")[2] if told and told.startswith("vscode-notebook-cell:") else told


def own_loop() -> asyncio.AbstractEventLoop:
    """The loop that IPython itself awaits cells on, where none is running."""
    if hasattr(async_helpers, "get_asyncio_loop"):
        loop: asyncio.AbstractEventLoop = async_helpers.get_asyncio_loop()
        return loop
    return asyncio.get_event_loop_policy().get_event_loop()  # IPython before 8


def is_foreign_loop(shell: InteractiveShell, loop: asyncio.AbstractEventLoop) -> bool:
    """Whether a running loop belongs to a program that embeds the shell: neither to a kernel nor to IPython."""
    return not hasattr(shell, "kernel") and loop is not getattr(async_helpers, "_asyncio_event_loop", None)


def in_own_task_of_a_cell() -> bool:
    """Whether the current task is the one in which IPython runs a cell: it catches what the cell raises."""
    task = asyncio.current_task()
    code: Any = getattr(task and task.get_coro(), "cr_code", None)
    return code is not None and code.co_name == "run_cell_async"


def in_notebook(shell: InteractiveShell) -> bool:
    """Whether what is shown can be updated later: a kernel with a front end that holds outputs."""
    return getattr(shell, "kernel", None) is not None and not _in_console()


@functools.cache
def _in_console() -> bool:
    """Whether this is a kernel that ``jupyter console`` has started for itself."""
    try:
        import psutil  # ipykernel brings it
    except ImportError:
        return False
    try:
        words = psutil.Process(os.getppid()).cmdline()
    except (OSError, psutil.Error):
        return False
    return any("jupyter-console" in word or "jupyter_console" in word for word in words[:3])


def may_display(shell: InteractiveShell) -> bool:
    """Whether ``display`` works here: ipykernel 7.0 fails where it does not know the request, as in a user's thread."""
    try:
        if kernel := getattr(shell, "kernel", None):
            kernel.get_parent()
    except LookupError:
        return False
    return True


def is_displaying_result(shell: InteractiveShell) -> bool:
    """Whether the shell is showing the value of a cell's last line, as opposed to a call of ``display``."""
    hook: Any = shell.displayhook
    if isinstance(sys.displayhook, CapturingDisplayHook):  # %%capture's, in the place of the shell's own
        return True
    if hasattr(hook, "msg"):  # a kernel's: it holds the message while it is put together
        return hook.msg is not None
    return bool(getattr(hook, "is_active", True))


def forget_display_error(shell: InteractiveShell) -> None:
    """Let a cell that awaits begin without the error that the last value met while it was shown.

    ipykernel 7.4 forgets it in ``run_cell`` alone, which such a cell does not go through (``run_cell_async``): its
    reply would say ``error`` though all went well, and Run All would stop there.
    """
    if getattr(shell, _DISPLAY_ERROR, False):
        setattr(shell, _DISPLAY_ERROR, False)


def hide_our_frames(error: BaseException) -> None:
    """Let IPython show ``error``, which code of the user's raised, with no frame of what called that code."""
    step = theirs = error.__traceback__
    while step is not None:
        if step.tb_frame.f_globals.get("__name__", "").startswith(f"{__package__}."):
            theirs = step.tb_next
        step = step.tb_next
    if theirs is not None:  # else it was raised in C, and there is no frame of theirs to show
        vars(error)["_render_traceback_"] = functools.partial(_rendered, error, theirs)


def _rendered(error: BaseException, trace: TracebackType) -> list[str]:
    shell: Any = get_ipython()
    lines: list[str] = shell.InteractiveTB.structured_traceback(type(error), error, trace, tb_offset=0)
    return lines
