"""What a question would send, shown and not sent."""

from __future__ import annotations

import json
import re
from html import escape
from typing import TYPE_CHECKING, Any

from .._version import USER_AGENT
from ..controls import counted
from ..conversation.tokens import estimate_tokens
from ..values.content import image_urls

if TYPE_CHECKING:
    from ..turn import Turn

__all__ = ["preview"]

_UNSHOWN = re.compile(r"[^\n -~]")
_IMAGE = re.compile(r"data:(?P<mime>image/(?:png|jpeg|gif|webp));base64,(?P<data>[A-Za-z0-9+/]+=*)")


def preview(turn: Turn) -> dict[str, str]:
    """The request of a turn that was begun, by MIME type: the key hidden, images drawn small.

    Raises :class:`~ava_magic.AvaError` where the request would not be sent.
    """
    from ..markdown.html import plain

    head, body = _request(turn)
    wire = json.dumps(body, default=str)
    images = [url for message in turn.messages for url in image_urls(message["content"])]
    shown = json.dumps(_without_images(body), indent=2, ensure_ascii=False, default=str)
    request = _UNSHOWN.sub(_escaped, "\n".join([*head, "", shown]))
    tokens = sum(estimate_tokens(message["content"]) for message in turn.messages)
    counts = [f"{len(wire):,} bytes", f"about {tokens:,} tokens", counted(len(images), "image") if images else ""]
    counts += [f"{counted(turn.left_out, 'earlier turn')} left out" if turn.left_out else "", "nothing was sent"]
    summary = " · ".join(filter(None, counts))
    drawn = "".join(
        f'<img src="{url}" style="max-height: 120px; margin: 4px">' for url in filter(_IMAGE.fullmatch, images)
    )
    return {
        "text/plain": f"{request}\n\n[{summary}]",
        "text/html": f"<pre><code>{escape(request)}</code></pre>{drawn}<p><small>{plain(summary)}</small></p>",
    }


def _request(turn: Turn) -> tuple[list[str], dict[str, Any]]:
    """The request line with the headers, and the body."""
    endpoint, settings = turn.endpoint, turn.settings
    fields = settings.request_fields()
    if endpoint.request is None:
        return [f"The provider {endpoint.name} is given:"], {
            "model": settings.model,
            "messages": turn.messages,
            **fields,
        }
    from .. import transport  # aiohttp is loaded by the first question, not by %load_ext

    url, body = endpoint.request(settings.model, turn.messages, **fields)
    headers = transport.headers(url, endpoint.key)
    headers |= {"Content-Type": "application/json", "User-Agent": USER_AGENT}
    if endpoint.key is not None:
        headers["Authorization"] = f"Bearer … (the value of {endpoint.key.name}, hidden)"
    return [f"POST {url}", *(f"{name}: {value}" for name, value in headers.items())], body


def _escaped(match: re.Match[str]) -> str:
    """A character as JSON writes it, if a screen would obey it rather than show it."""
    return match.group() if match.group().isprintable() else json.dumps(match.group())[1:-1]


def _without_images(value: Any) -> Any:
    """A request's body with the sizes of its images in their place."""
    if isinstance(value, dict):
        return {name: _without_images(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_images(item) for item in value]
    if isinstance(value, str) and (image := _IMAGE.fullmatch(value)):
        return f"data:{image['mime']};base64,({len(image['data']):,} characters)"
    return value
