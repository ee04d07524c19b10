"""A reply and the ways to show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .controls import one_line, visible
from .conversation.tokens import reported

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .answers.code_blocks import CodeBlock
    from .errors import AvaError

__all__ = ["Reply", "thought_html"]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one prompt.  ``str(reply)`` is its text.

    Attributes:
        text: the content, joined.
        messages: what was sent, as OpenAI messages, the prompt last.
        model: the model that answered, or that was asked for; ``None`` where the endpoint chose and did not say.
        provider: the name of the provider or preset, such as ``"openai"``.
        endpoint: the base URL that was asked, ``""`` for a provider without one.
        finish_reason: the endpoint's own word for why it ended (``"stop"``, ``"length"``, ...), or ``None``.
        usage: the token counts that the endpoint reported, as it named them, or ``None``.
        reasoning: the model's thinking, where the endpoint tells it.
        reasoning_seconds: how long that took, in seconds.
        refusal: the words of a refusal, where the endpoint marks one.
        data: the parsed value of a reply that was asked for as data.
        error: why there is no whole reply, where one of many failed; ``None`` otherwise.
        format: what was asked for: ``"markdown"``, ``"text"``, ``"code"`` or ``"json"``; it is shown as such.
        partial: whether the reply was stopped or cut before its end.
        seconds: how many seconds it took, from sending the request to the last delta.
        notes: what a reader should know of it, such as ``"stopped before its end"``; they stand in the footer.
    """

    text: str
    messages: Sequence[Mapping[str, Any]] = ()
    model: str | None = None
    provider: str = ""
    endpoint: str = ""
    finish_reason: str | None = None
    usage: Mapping[str, Any] | None = None
    reasoning: str = ""
    reasoning_seconds: float = 0.0
    refusal: str = ""
    data: Any = None
    error: AvaError | None = None
    format: str = "markdown"
    partial: bool = False
    seconds: float = 0.0
    notes: tuple[str, ...] = ()

    def __hash__(self) -> int:  # by what can be hashed: messages, usage and data are dicts and lists
        return hash(self.text)

    def __str__(self) -> str:
        return self.text

    def __format__(self, spec: str) -> str:
        return format(self.text, spec)

    def __repr__(self) -> str:
        return f"<Reply of {len(self.text):,} characters from {one_line(self.footer())}>"

    def footer(self) -> str:
        """One plain line: what answered, how long it took, how many tokens, and what a reader should know of it."""
        parts = [self.provider, self.model, self.endpoint, f"{self.seconds:.1f} s"]
        if tokens := reported(self.usage, "completion_tokens"):
            parts.append(f"{tokens:,} tokens")
        parts.extend(_REASONS.get(self.finish_reason or "", ()))
        parts.extend(self.notes)
        return " \u00b7 ".join(part for part in parts if part)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """What the view leaves behind, so that a reply looks the same wherever it is shown."""
        return self.as_output()

    @property
    def code_blocks(self) -> list[CodeBlock]:
        """The code in its fenced blocks, in their order: texts, each with a ``language``."""
        from .answers.code_blocks import code_blocks

        return code_blocks(self.text)

    def as_output(self, painted: str | None = None, *, under: str = "") -> dict[str, str]:
        """The reply in the three forms of an output, by MIME type.

        ``painted`` is its text as HTML, where nobody may wait until it is rendered: then the rest is shown as it is
        written.  ``under`` is what stands above it already, and is not said twice.
        """
        from .answers.presentation import as_html, as_markdown
        from .markdown.html import plain
        from .markdown.inert import inert_markdown, inert_source

        footer = self.footer()
        hastily = painted is not None
        body = as_html(self.text, self.format) if painted is None else painted
        name = self.model or self.provider
        header = _header_html("" if name == under else name)
        if self.reasoning:
            header += thought_html(self.reasoning, self.reasoning_seconds, hastily=hastily)
        text, markdown = visible(self.text), as_markdown(self.text, self.format)
        if self.refusal:
            body += f"<p>{plain(visible(self.refusal))}</p>"
            text, markdown = (f"{shown}\n\n" if shown else "" for shown in (text, markdown))
            text, markdown = text + visible(self.refusal), markdown + self.refusal
        return {
            "text/plain": f"{text}\n\n[{visible(footer)}]",
            "text/markdown": inert_source(markdown) if hastily else inert_markdown(markdown),
            # A long word breaks: on paper nobody can scroll to its end.
            "text/html": f'{header}<div style="overflow-wrap: break-word">{body}</div>'
            f'<p role="status"><small>{plain(footer)}</small></p>',
        }


def _header_html(name: str) -> str:
    """The line above a reply; empty for ``""``.

    It is as high as the bar that stands there while the reply streams, so that the text does not move when it ends.
    """
    from .markdown.html import plain

    shown = f"<small>\u25c6 {plain(name)}</small>" if name else ""
    return f'<div style="height: 28px; line-height: 28px">{shown}</div>\n'


def thought_html(reasoning: str, seconds: float, *, hastily: bool = False) -> str:
    """A model's thinking as HTML, folded away; ``hastily``: as it is written."""
    from .markdown.html import as_it_is, to_html

    duration = f"{seconds:.0f} s" if seconds >= 1 else "a moment"
    body = as_it_is(reasoning) if hastily else to_html(reasoning)
    summary = f"<summary><small>thought for {duration}</small></summary>"
    return f"<details>{summary}<blockquote>{body}</blockquote></details>\n"


_REASONS = {
    "length": ("cut at the token limit",),
    "content_filter": ("cut by the endpoint's content filter",),
    "tool_calls": ("asked for a tool, which is not offered here",),
    "function_call": ("asked for a tool, which is not offered here",),
    "insufficient_system_resource": ("cut, since the service had no room for it",),  # DeepSeek's
    "model_length": ("cut at the model's own limit",),  # Mistral's
}
