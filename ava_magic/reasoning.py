"""Tells a model's thinking from its answer, where both come in one stream.

Some servers tell reasoning in a field of its own.  Others leave it in the content, between ``<think>`` and
``</think>``, at the very start of the reply (the chat template of DeepSeek-R1, which others took over).
"""

from __future__ import annotations

__all__ = ["ThinkSplitter"]

_OPENING, _CLOSING = "<think>", "</think>"


class ThinkSplitter:
    """An incremental parser: :meth:`feed` it content in any cut, then :meth:`finish`.

    Both return ``(thought, answer)``.  ``passed`` is true once nothing but answer can follow.
    """

    def __init__(self) -> None:
        self.passed = False
        self._held = ""
        self._read = self._before

    def feed(self, text: str) -> tuple[str, str]:
        """Take more content; return what of it is thought and what is answer.  Either may be held back for a while."""
        if self.passed:
            return "", text
        self._held += text
        return self._read()

    def finish(self) -> tuple[str, str]:
        """The end has come: return what was held back."""
        rest = self._release()
        return (rest, "") if self._read == self._within else ("", rest)

    def _before(self) -> tuple[str, str]:
        start = self._held.lstrip()
        if len(start) < len(_OPENING) and _OPENING.startswith(start):
            return "", ""
        if not start.startswith(_OPENING):
            self.passed = True
            return "", self._release()
        self._held = start[len(_OPENING) :]
        self._read = self._within
        return self._within()

    def _within(self) -> tuple[str, str]:
        thought, closing, rest = self._held.partition(_CLOSING)
        if closing:
            self._held = rest
            self._read = self._behind
            return thought, self._behind()[1]
        half = next((n for n in range(len(_CLOSING) - 1, 0, -1) if thought.endswith(_CLOSING[:n])), 0)
        self._held = thought[len(thought) - half :]
        return thought[: len(thought) - half], ""

    def _behind(self) -> tuple[str, str]:
        """The line ends between the thought and the answer belong to neither."""
        self._held = self._held.lstrip("\n")
        self.passed = bool(self._held)
        return "", self._release()

    def _release(self) -> str:
        rest, self._held = self._held, ""
        return rest
