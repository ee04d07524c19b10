"""``--each``: one question for each item of a variable, with a bar in place of the replies and a table at the end."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..arguments import Arguments
from ..asking import UnderWay
from ..environment import from_home
from ..errors import AvaError
from ..runner import Run
from ..shell import hide_our_frames
from ..values.lookup import MISSING
from .askers import Asker
from .each import CONCURRENCY, Batch
from .items import Items, items_of
from .progress import Result
from .replies import Replies
from .template import Template

if TYPE_CHECKING:
    from ..chat import Chat
    from ..turn import Turn
    from ..views.progress import ProgressView

__all__ = ["ForEach"]

_NOT_WITH_EACH = {
    "raw": "it leaves {item} as it is",
    "chat": "the items belong to no conversation",
    "error": "put {err} into the question, with the exception in err",
    "keep": "the items belong to no conversation",
}


class ForEach(UnderWay[Replies]):
    """Many questions under way; ``results`` is what came of them, in the order in which it came."""

    keeps_when_failed = True

    @classmethod
    def begin(
        cls,
        chat: Chat,
        template: Template,
        first: Turn,
        arguments: Arguments,
        settings: Mapping[str, Any],
        names: Mapping[str, Any],
        run: Run,
        choose: Callable[[Batch], ProgressView],
    ) -> ForEach:
        """What ``arguments`` ask for; ``names`` holds the items, ``choose`` gives the view.  ``first`` is as in
        :class:`Batch`.

        Raises :class:`AvaError` (``config``) where nothing can be asked.
        """
        for key, why in _NOT_WITH_EACH.items():
            if key in arguments:
                raise AvaError(f"--each and --{key} do not go together: {why}", "config")
        results: list[Result] = []
        batch = Batch(
            chat,
            _items_called(arguments.options["each"], names),
            template,
            first,
            concurrency=arguments.options.get("concurrency", CONCURRENCY),
            into=arguments.options.get("into"),
            changes=dict(settings),
            asker=_workers() if "dask" in arguments else None,
            on_result=results.append,
        )
        return cls(batch, results, choose(batch), run, arguments)

    def __init__(self, batch: Batch, results: list[Result], view: ProgressView, run: Run, arguments: Arguments) -> None:
        super().__init__(view, run, background="background" in arguments, out=arguments.options.get("out", ""))
        self.leaves_result = view.leaves_table
        self.question = batch.template.text
        self._batch = batch
        self._results = results
        self._name = arguments.options["each"]
        self._into = arguments.options.get("into", "")
        self._is_over = False

    @property
    def when_stopped(self) -> str:  # type: ignore[override]  # of the others it is the same for all
        kept = f"stopped; the {len(self._results):,} that are done are kept, in _"
        return f"{kept} and in {self._into}: the same again goes on from there" if self._into else kept

    async def work(self) -> None:
        try:
            async with aclosing(self._batch.replies()) as replies:
                async for _ in replies:
                    pass  # they stand among the results
        except Exception as error:
            if error is self._batch.failure and not isinstance(error, AvaError):
                hide_our_frames(error)
            raise
        if not self._results:
            raise AvaError(f"{self._name} holds no item, so nothing was asked", "config")
        self._is_over = True

    def what_came(self) -> Replies | None:
        return self.result() if self._results else None

    def result(self) -> Replies:
        results = sorted(self._results, key=lambda result: result.position)
        return Replies([result.reply for result in results], [result.item for result in results], self._notes())

    def end_early(self) -> None:
        """What is done is whole."""

    def _notes(self) -> list[str]:
        progress = self._batch.progress
        notes = [f"{progress.seconds():.1f} s"]
        if progress.found:
            notes.append(f"{progress.found:,} from {self._into}")
        if not self._is_over:
            notes.append("ended early" + (f", of {progress.total:,}" if progress.total is not None else ""))
        return [*notes, self._batch.note] if self._batch.note else notes


def _workers() -> Asker:
    from .workers import Workers  # Dask is loaded by those who use it

    return Workers()


def _items_called(name: str, namespace: Mapping[str, Any]) -> Items:
    """The items of the variable with that name, or the lines of the file."""
    items = namespace.get(name, MISSING)
    if items is MISSING and from_home(name).is_file():
        items = Path(name)
    if items is MISSING:
        is_expression = re.search(r"[\[(]", name) or name.partition(".")[0] in namespace
        advice = f"; write rows = {name} before, and --each rows" if is_expression else ""
        raise AvaError(f"--each {name}: there is no variable of that name, and no file{advice}", "config")
    try:
        return items_of(items)
    except AvaError as error:
        raise AvaError(f"--each {name}: {error}", "config") from None
