"""The embedded default: answers about ava_magic from its own documentation, with no network and no key.

It is no model and says so.  It finds the sections that share the question's rarest words, and streams the best.
"""

from __future__ import annotations

import asyncio
import functools
import math
import re
from collections import Counter
from collections.abc import AsyncGenerator, Iterable
from importlib import resources
from typing import Any, NamedTuple

from ..controls import one_line
from ..conversation.exchanges import Message
from ..values.content import text_of
from .base import AsyncGeneratorProvider, Delta, FinishReason

__all__ = ["Guide"]

_COMMON_WORDS = """
a about an and are as at be by can do does for from get good has have hello hi how i if in into is it its list me my no
not of on or please so tell than that the them then there this to use using want was what when where which who why will
with work you your ava magic ava_magic
"""
_COMMON = frozenset(_COMMON_WORDS.split())
_WEIGHTS = {"reference.md": 0.9, "inside.md": 0.85}  # what explains a thing goes before what lists it, or is behind it
_EXAMPLE = re.compile(r"(?m)^[^`\n]*(?:%ava |\.ask\().*$")  # what an example asks says nothing about its section
_ALSO = re.compile(r"<!-- also: (.*?) -->\n*")  # what readers call it, and its text does not

_LINK_TO_A_PAGE = re.compile(r"!?\[([^\]]*)\]\((?!https?:)[^)]*\)")  # the pages are not beside the notebook


class Section(NamedTuple):
    """One heading of the documentation with what stands under it."""

    title: str
    text: str
    words: Counter[str]
    weight: float


class Guide(AsyncGeneratorProvider):
    """Answers from the documentation inside the package."""

    @classmethod
    async def create_async_generator(
        cls, model: str, messages: list[Message], **kwargs: Any
    ) -> AsyncGenerator[Delta, None]:
        """Stream an answer to the last user message, word by word.

        ``pace`` among ``kwargs`` is the pause after each word in seconds (0.012); the other fields of a request are
        accepted and have no meaning here.  Raises nothing.
        """
        pace = kwargs.get("pace")
        pause = pace if isinstance(pace, int | float) else 0.012
        for word in re.findall(r"\S+\s*|\s+", answer(messages)):
            yield word
            await asyncio.sleep(pause)
        yield FinishReason("stop")


def answer(messages: list[Message]) -> str:
    """The whole answer to the last user message, as Markdown."""
    questions = [text_of(message["content"]) for message in messages if message["role"] == "user"]
    question = questions[-1] if questions else ""
    found = search(question) or [section for section in _sections() if section.title == "What ava_magic is"]
    parts = [f"## {section.title}\n\n{section.text}" for section in found]
    parts.append(
        "---\n\n*I am the guide that comes with ava_magic: no model, only its documentation. To talk to a model, set a "
        "key such as `OPENAI_API_KEY`, start a server such as Ollama, or name an endpoint with `--base-url URL`.*"
    )
    if len(questions) > 1:
        before = one_line(questions[-2], 60)
        parts.append(f"*This is question {len(questions)} of our conversation; before it you asked: “{before}”.*")
    return "\n\n".join(parts) + "\n"


def search(question: str, most: int = 2) -> list[Section]:
    """The sections that fit ``question``, best first; empty where none shares a telling word with it."""
    sections = _sections()
    asked = set(_words(question))
    rarity = {
        word: math.log(1 + len(sections) / holders)
        for word in asked
        if (holders := sum(word in section.words for section in sections))
    }
    scores = [s.weight * sum(rarity[w] * s.words[w] / (s.words[w] + 1) for w in rarity) for s in sections]
    best = max(scores, default=0.0)
    ranked = sorted(zip(scores, sections, strict=True), key=lambda pair: -pair[0])
    return [section for score, section in ranked[:most] if score and score > 0.8 * best]


@functools.cache
def _sections() -> tuple[Section, ...]:
    folder = resources.files("ava_magic") / "docs"
    pages = sorted((page for page in folder.iterdir() if page.name.endswith(".md")), key=lambda page: page.name)
    return tuple(section for page in pages for section in _split(page.read_text("utf-8"), _WEIGHTS.get(page.name, 1.0)))


def _split(page: str, weight: float) -> Iterable[Section]:
    for part in re.split(r"(?m)^## ", page)[1:]:
        title, _, text = _LINK_TO_A_PAGE.sub(r"\1", part).partition("\n")
        about = f"{title} {' '.join(_ALSO.findall(text))} "
        text = _ALSO.sub("", text)
        # A word of the heading counts for four of the text: the heading says what the section is about.
        words = _words(about * 4 + _EXAMPLE.sub("", text))
        yield Section(title.strip(), text.strip(), Counter(words), weight)


def _words(text: str) -> list[str]:
    """The telling words of ``text``, 429 among them; an option such as ``-t`` is one, beside the words in its name."""
    text = text.lower()
    words = [_stem(word) for word in re.findall(r"[a-z][a-z_]+|\d{3,}", text) if word not in _COMMON]
    return words + re.findall(r"(?<![\w-])--?[a-z][\w-]*", text)  # --models is not --model


def _stem(word: str) -> str:
    """Enough of English to bring ``stopped``, ``stopping`` and ``stops`` together, and no more."""
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    return word[:-1] if len(word) > 3 and (word[-1] == word[-2] or word[-1] == "e") else word
