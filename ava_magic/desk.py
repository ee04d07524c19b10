"""The desk behind the magics: what was typed is read here, and what it needs is at hand.

It is loaded by the first question or command, and with it all that a question needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

from IPython.display import display as show

from .answers.next_cell import NextCell
from .arguments import Arguments, parse
from .asking import UnderWay
from .commands import COMMANDS, Call, state
from .connection import Key, Origin
from .controls import visible
from .conversation.chats import Chats
from .conversation.exchanges import Anchor
from .error_report.last import LastError
from .error_report.report import QUESTION
from .errors import AvaError
from .questions import Typed, ask, ask_again, ask_each, report
from .reports import REPORTS
from .runner import Run
from .settings import Settings

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .completion.completer import Words
    from .magics import AvaMagics
    from .many.side_by_side import SideBySide
    from .providers.endpoint import Endpoint

__all__ = ["Desk"]

_SETTINGS = {field.name for field in fields(Settings)} - {"record"}  # a cassette is the matter of the chats
_BELONGS = {
    "each": "one model",
    "concurrency": "--each NAME",
    "into": "--each NAME",
    "dask": "--each NAME",
    "keep": "-m or -p given more than once",
}


class Desk:
    """The conversations, the keys that were typed in, the last replies and the last error of one shell.

    ``magics`` holds the settings.
    """

    def __init__(self, magics: AvaMagics, shell: InteractiveShell) -> None:
        self.magics = magics
        self.shell = shell
        self.chats = Chats(shell.starting_dir)
        self.chats.use_cassette(record=magics.record, replay=None)
        self.next_cell = NextCell(shell)
        self.last_error = LastError(shell)
        self.last_error.note()
        self.compared: SideBySide | None = None
        self._typed_keys: dict[Origin, Key] = {}

    @cached_property
    def words(self) -> Words:
        """What Tab may offer."""
        from .completion.completer import Words

        return Words(self, self.shell)

    def read(
        self, line: str, cell: str | None, local_ns: Mapping[str, Any], run: Run, anchor: Anchor
    ) -> UnderWay[Any] | None:
        """What was typed after ``%ava`` at ``anchor``, ready to run; ``None`` where it is done already.

        Raises :class:`AvaError` (``config``) for what is wrong, and :class:`~ava_magic.errors.Stopped`.
        """
        arguments = parse(line)
        typed = Typed(arguments, local_ns, anchor, run)
        if arguments.command:
            if cell is not None and cell.strip():
                raise AvaError(f"--{arguments.command} stands alone, with no question under it", "config")
            return self._command(typed)
        prompt = "\n".join(part for part in (arguments.prompt, (cell or "").strip("\n")) if part.strip())
        prompt = prompt or (QUESTION if "error" in arguments else "")
        if prompt and "each" in arguments and not arguments.compared:
            return ask_each(self, typed, prompt)
        if prompt:
            for key, belongs in _BELONGS.items():
                if key in arguments and not (key == "keep" and arguments.compared):
                    raise AvaError(f"--{key} goes with {belongs}", "config")
            return ask(self, typed, prompt)
        if cell is None and set(arguments.options) <= {"keep"}:
            print(self._keep(arguments.options["keep"]) if arguments.options else self._state())
            return None
        raise AvaError("nothing is asked: the question goes after the options, or in the lines under %%ava", "config")

    def settings(self, arguments: Arguments) -> dict[str, Any]:
        """The settings of a turn: what the traits say, less what the line says otherwise."""
        traits = self.magics.trait_values(config=True)
        settings = {name: arguments.options.get(name, traits[name]) for name in _SETTINGS & traits.keys()}
        return settings | {"typed_keys": self._typed_keys, "options": dict(arguments.options.get("option", ()))}

    def endpoint(self, options: Mapping[str, Any]) -> Endpoint:
        """What a line with these options would ask, for a look at it that may take but a moment."""
        settings = self.settings(Arguments("", {"timeout": 5.0, "retries": 0, **options}))
        return self.chats.named().begin("", history=False, **settings).endpoint

    def _command(self, typed: Typed) -> UnderWay[Any] | None:
        arguments = typed.arguments
        if arguments.command in REPORTS:
            return report(self, typed)
        if arguments.command == "code":
            print(self.next_cell.put(arguments.options["code"]))
            return None
        settings = self.settings(arguments)
        call = Call(self.chats, arguments, settings, typed.anchor, self.shell.user_ns, self._typed_keys)
        if arguments.command == "retry":
            return ask_again(self, typed, call)
        shown = COMMANDS[arguments.command](call)
        print(visible(shown)) if isinstance(shown, str) else show(shown)
        return None

    def _keep(self, name: str) -> str:
        if self.compared is None:
            raise AvaError("--keep is about replies side by side, and there are none", "config")
        return self.compared.keep(name)

    def _state(self) -> str:
        return state(self.chats, self.chats.named().begin("", **self.settings(Arguments(""))))
