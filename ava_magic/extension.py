"""Loading and unloading: what the extension puts into a shell, and how it takes all of it out again."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

from traitlets import TraitError

from .between_cells import catch_up
from .completion import hooks
from .errors import AvaError
from .magics import AvaMagics
from .shell import can_await
from .syntax import Transform, asks_for_help

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["load", "unload"]

_NAME = AvaMagics.__name__
_REPLIES = ("ava_magic.reply.Reply", "ava_magic.many.replies.Replies")  # by name: loading the extension loads none
_PENDING = "ava_magic.background.Pending"
_log = logging.getLogger("ava_magic.log")  # by name, likewise


def load(shell: InteractiveShell) -> None:
    """Put the magics, the input transform and the reply's display into ``shell``; once, however often it is called.

    Raises :class:`AvaError` (``config``) where the configuration gives a setting what it cannot be.
    """
    if _NAME in shell.magics_manager.registry:
        return
    try:
        magics = AvaMagics(shell)
    except TraitError as error:
        why = f"ava_magic cannot be loaded: {str(error).removesuffix('.')}"
        raise AvaError(f"{why}; mend that in ipython_config.py, and start again", "config") from None
    shell.register_magics(magics)
    transform = Transform(lambda: can_await(shell))
    # First, so that the body of %%ava stays as it was typed; and last, for what the others uncover (">>> %ava").
    shell.input_transformers_cleanup[:] = [transform, *shell.input_transformers_cleanup, transform]
    shell.events.register("pre_run_cell", magics.begin_cell)
    shell.events.register("post_run_cell", magics.end_cell)
    hooks.install(shell, magics.completions)
    formatter: Any = shell.display_formatter
    if hasattr(shell, "kernel"):
        for name in (*_REPLIES, _PENDING):
            formatter.ipython_display_formatter.for_type(name, magics.show_once)
    else:  # IPython 7 asks nothing whether it shows itself in a terminal
        for name in _REPLIES:
            formatter.mimebundle_formatter.for_type(name, magics.tell_once)
    _log.addFilter(_is_listened_to)
    if shell.has_trait("exit_now"):  # a kernel's: set when it is told to shut down, before its loop stops
        shell.observe(_end, "exit_now")
    _tell_of_lost_questions(shell)


def unload(shell: InteractiveShell) -> None:
    """Take out what :func:`load` put in, and close the connections; nothing happens where it was not loaded."""
    magics: Any = shell.magics_manager.registry.pop(_NAME, None)
    if magics is None:
        return
    for table in shell.magics_manager.magics.values():
        table.pop("ava", None)
    if magics in shell.configurables:
        shell.configurables.remove(magics)
    transforms = shell.input_transformers_cleanup
    transforms[:] = [transform for transform in transforms if not isinstance(transform, Transform)]
    shell.events.unregister("pre_run_cell", magics.begin_cell)
    shell.events.unregister("post_run_cell", magics.end_cell)
    hooks.remove(shell)
    formatter: Any = shell.display_formatter
    for name in (*_REPLIES, _PENDING):
        formatter.ipython_display_formatter.pop(name, None)
        formatter.mimebundle_formatter.pop(name, None)
    _log.removeFilter(_is_listened_to)
    if shell.has_trait("exit_now"):
        shell.unobserve(_end, "exit_now")
    _leave()
    catch_up()  # no cell will do it any more
    # The module may not be there, or be in the middle of being loaded, in the background.
    if close_all := getattr(sys.modules.get("ava_magic.sessions"), "close_all", None):
        close_all()


def _tell_of_lost_questions(shell: InteractiveShell) -> None:
    """Say so where the cell that loads the extension asks as well, and IPython has read its ``?`` as it always does."""
    if (history := shell.history_manager) is None:
        return
    typed, run = history.input_hist_raw[-1], history.input_hist_parsed[-1]
    if "ext ava_magic" in typed and asks_for_help(typed) and "magic('pinfo" in run:
        print("[%ava asks nothing that ends in ? in the cell that loads it: run the cell again or ask in the next]")


def _is_listened_to(record: logging.LogRecord) -> bool:
    """Whether the log is told: here a cell shows its retries and failures itself.

    Who wants them in the log too asks for INFO.  Any ``logging.error()`` sets up the root logger, that of a wrong
    ``%config`` for one, and each failure would then stand below its cell twice.
    """
    return logging.getLogger(record.name).isEnabledFor(logging.INFO)


def _end(change: Any) -> None:
    if change["new"]:
        _leave()


def _leave() -> None:
    """Stop every question that is under way, if one was ever asked."""
    if asking := sys.modules.get("ava_magic.asking"):
        asking.leave_all()
