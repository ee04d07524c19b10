"""The models of an endpoint: listed, and the nearest named where one that was asked for is not there."""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any

from .controls import counted, one_line
from .conversation.exchanges import Message
from .errors import AvaError
from .providers.endpoint import Endpoint
from .providers.shape import Ask

__all__ = ["is_listed", "list_models", "listing_once", "nearest", "page", "with_models"]

_PATIENCE = 3.0  # seconds for a list that nobody asked for
_MOST = 5_000  # names that are compared: a list can be of any length
_WIDTH = 96

# How the services say that there is no such model, or that none was named: OpenAI, Groq, vLLM and Together ("does not
# exist", "unable to access model"), Google and Ollama ("not found"), Mistral and LiteLLM ("invalid model"), DeepSeek
# ("Model Not Exist"), OpenRouter ("not a valid model ID", "no endpoints found", "no models provided"), Anthropic
# ("model: NAME"), OpenAI and Ollama where none is named ("provide a model", "model is required"), and FastAPI's form.
_ABOUT_THE_MODEL = re.compile(
    r"\(404\b|not (?:a valid|exist|found)|(?:invalid|unknown|access|no such) model|no endpoints found"
    r"|no models provided|provide a model|model is (?:required|not)|specify a .*model|missing.*model|model: ",
    re.IGNORECASE,
)


def list_models(endpoint: Endpoint, words: str) -> Ask:
    """What answers ``--models``: the endpoint's list as Markdown, or the names with ``words`` in them."""

    async def report(model: str, messages: list[Message], **fields: Any) -> AsyncGenerator[str, None]:
        if endpoint.list_models is None:
            yield f"{endpoint.name} has no list of models."
            return
        try:
            names = await endpoint.list_models()
        except Exception as error:  # a plug-in's, too
            from .failures import explain  # it loads aiohttp, which %load_ext does not

            failure = explain(error, endpoint)
            if failure.kind == "auth":  # there are keys, and services, for which this says nothing about the key
                raise AvaError(f"{failure} (--check tells whether a question is refused, too)", "auth") from None
            if failure.kind not in ("bad_request", "protocol"):
                raise failure from None
            yield f"{endpoint.where} gives no list of models; its documentation has their names.  It said: {failure}"
        else:
            yield page(names, words, endpoint.where)

    return report


def page(names: Sequence[str], words: str, where: str) -> str:
    """The names that hold every word of ``words``, as Markdown: how many, and the names in columns."""
    found = [name for name in names if all(word in name.casefold() for word in words.casefold().split())]
    total = f"{counted(len(names), 'model')} at {where}"
    if not names:
        return f"{where} has no model yet."
    if not found:
        near = ", ".join(f"`{name}`" for name in nearest(words, names))
        return f"No name among the {total} has {words!r} in it{f'; near: {near}' if near else ''}."
    count = f"{len(found):,} of {total} with {words!r}" if words else total
    return f"{count}; ask one with `-m NAME`:\n\n~~~text\n{_columns(sorted(found, key=str.casefold))}\n~~~\n"


def _columns(names: Sequence[str]) -> str:
    """The names down one column and then the next, as many columns as stand beside one another."""
    names = [one_line(name, 200) for name in names]
    wide = max(map(len, names)) + 2
    rows = -(-len(names) // max(1, _WIDTH // wide)) if len(names) > 10 else len(names)
    return "\n".join("".join(f"{name:<{wide}}" for name in names[row::rows]).rstrip() for row in range(rows))


def is_listed(model: str, names: Sequence[str]) -> bool:
    """Whether a list has ``model``: Google's puts ``models/`` before each name, Ollama's a tag after it."""
    return any(model in (name, name.removeprefix("models/"), name.removesuffix(":latest")) for name in names)


def nearest(model: str, names: Sequence[str], count: int = 3) -> list[str]:
    """The names of a list that are most like ``model``: those that hold it, then those that are spelt alike."""
    names = names[:_MOST]
    wanted = model.casefold()
    spelt = {name.rpartition("/")[2].casefold(): name for name in names} | {name.casefold(): name for name in names}
    holding = [name for name in names if wanted in name.casefold()]
    alike = [spelt[near] for near in difflib.get_close_matches(wanted, spelt, n=2 * count, cutoff=0.5)]
    return list(dict.fromkeys([*holding[:count], *alike]))[:count]


def listing_once(endpoint: Endpoint) -> Endpoint:
    """``endpoint``, whose list is fetched once for all who want it: of many questions each may fail for one name."""
    if (fetch := endpoint.list_models) is None:
        return endpoint
    fetching = asyncio.Lock()
    names: list[str] = []
    is_known = False

    async def known_names() -> list[str]:
        nonlocal names, is_known
        async with fetching:
            if not is_known:
                is_known = True  # that there is none, if it fails
                names = await fetch()
        return names

    return replace(endpoint, list_models=known_names)


async def with_models(failure: AvaError, endpoint: Endpoint, model: str) -> AvaError:
    """``failure``, and if it is about the model's name, the names that would do; the list is fetched only then."""
    is_about_it = failure.kind in ("bad_request", "api") and _ABOUT_THE_MODEL.search(str(failure))
    if endpoint.list_models is None or not is_about_it:
        return failure
    try:
        async with asyncio.timeout(_PATIENCE):
            names = await endpoint.list_models()
    except Exception:  # whatever it is, it is not what went wrong with the question
        return failure
    if not names or is_listed(model, names):
        return failure
    failure.advise(_which_to_name(model, names))
    return failure


def _which_to_name(model: str, names: Sequence[str]) -> str:
    few = _in_a_row(names[:3])
    lists = f" (%ava --models lists all {len(names):,})" if len(names) > 3 else ""
    if not model:
        return f"name a model with -m, such as {few}{lists}"
    near = _in_a_row(nearest(model, names))
    return f"there is no model {model}; {f'near: {near}' if near else f'there are: {few}'}{lists}"


def _in_a_row(names: Sequence[str]) -> str:
    return ", ".join(one_line(name, 80) for name in names)
