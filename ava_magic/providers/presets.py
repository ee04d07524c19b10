"""Which endpoint answers: the table of presets, and the choice when none is named."""

from __future__ import annotations

import difflib
import functools
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from ..connection import Connection, Key, origin
from ..environment import variable
from ..errors import AvaError
from .base import AsyncGeneratorProvider
from .codelink_ava import CodeLinkAva
from .endpoint import Endpoint, endpoint_of
from .guide import Guide
from .openai_compatible import OpenAICompatible
from .probe import first_listening
from .shape import Ask, checked, imported

__all__ = ["PRESETS", "Preset", "provider_names", "resolve"]


class Preset(NamedTuple):
    """A named OpenAI-compatible endpoint; ``key`` is the environment variable that holds its key, if it wants one."""

    name: str
    base_url: str
    key: str = ""


# The base URLs are those that each service's own documentation gives for its OpenAI-compatible API.
PRESETS = {
    preset.name: preset
    for preset in (
        Preset("openai", "https://api.openai.com/v1", "OPENAI_API_KEY"),
        Preset("anthropic", "https://api.anthropic.com/v1", "ANTHROPIC_API_KEY"),
        Preset("gemini", "https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
        Preset("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
        Preset("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
        Preset("deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
        Preset("openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
        Preset("together", "https://api.together.xyz/v1", "TOGETHER_API_KEY"),
        Preset("ollama", "http://127.0.0.1:11434/v1"),
        Preset("lmstudio", "http://127.0.0.1:1234/v1"),
        Preset("llamacpp", "http://127.0.0.1:8080/v1"),
        Preset("vllm", "http://127.0.0.1:8000/v1"),
    )
}
_PROBED = ("ollama", "lmstudio")  # the ports that nothing else is likely to listen on
_PROBE_LASTS = 60.0  # seconds for which the answer of a probe is kept


def provider_names() -> list[str]:
    """What ``-p`` takes, plug-ins aside."""
    return ["auto", *PRESETS, *_OTHERS]


def resolve(provider: str | type | Ask = "auto", connection: Connection = Connection()) -> Endpoint:
    """The endpoint that ``provider`` names, reached by ``connection``.

    A name is ``"auto"``, a preset, ``"codelink-ava"``, ``"guide"`` or ``"package.module:Class"``; a class or an async
    generator function is taken as it is.  Raises :class:`AvaError` (``config``) where nothing fits.
    """
    if not isinstance(provider, str):
        return _plug_in(provider, getattr(provider, "__name__", "provider"), connection)
    name = provider.strip()
    if name in ("", "auto"):
        return _choose(connection)
    if name in PRESETS:
        return _preset(PRESETS[name], connection, "named")
    if name in _OTHERS:
        return _OTHERS[name](connection)
    if ":" in name:
        return _plug_in(imported(name), name.rpartition(":")[2], connection)
    near = difflib.get_close_matches(name.lower(), provider_names(), n=1, cutoff=0.7)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(provider_names())}, and package.module:Class"
    raise AvaError(f"no provider is called {name!r}; {hint}", "config")


def _codelink_ava(connection: Connection) -> Endpoint:
    key = _given_key(connection)
    connection = replace(connection, key=key, typed_keys={})
    if connection.base_url:
        return endpoint_of("codelink-ava", CodeLinkAva.at(connection), connection.base_url, key=key, why="named")
    provider = CodeLinkAva.at(replace(connection, retries=0))
    hint = (
        " (the public CodeLinkAva service stopped in 2023: start python -m ava_magic.server and give its URL as "
        "--base-url, or name another provider with -p)"
    )
    return endpoint_of("codelink-ava", provider, CodeLinkAva.url, why="named", hint=hint)


# Providers that are no presets.  An adapter of another API goes here too: ``_plug_in(Class, "name", connection)``.
_OTHERS: dict[str, Callable[[Connection], Endpoint]] = {
    "codelink-ava": _codelink_ava,
    "guide": lambda connection: endpoint_of("guide", Guide, why="named"),
}


def _choose(connection: Connection) -> Endpoint:
    """The endpoint when none is named: an address, then a key, then a server on this machine, then the guide."""
    if connection.base_url:
        return _at_address(connection, "base_url is set")
    if address := variable("AVA_BASE_URL"):
        try:
            return _at_address(replace(connection, base_url=address), "AVA_BASE_URL is set")
        except AvaError as error:
            raise AvaError(f"AVA_BASE_URL: {error}", "config") from None
    for preset in PRESETS.values():
        if preset.key and variable(preset.key):
            return _preset(preset, connection, f"{preset.key} is set")
        if origin(_home(preset)) in connection.typed_keys:
            return _preset(preset, connection, "a key for it was typed in")
    if found := _found_here(int(time.monotonic() / _PROBE_LASTS)):
        name, address = found
        return _preset(PRESETS[name]._replace(base_url=address), connection, "it runs on this machine")
    return endpoint_of("guide", Guide, why="no endpoint is set")


def _at_address(connection: Connection, why: str) -> Endpoint:
    here = origin(connection.base_url)
    unknown = Preset("openai-compatible", connection.base_url)
    preset = next((preset for preset in PRESETS.values() if here == origin(_home(preset))), unknown)
    return _preset(preset, connection, why)


def _home(preset: Preset) -> str:
    """Where a preset's own key belongs."""
    elsewhere = variable("OPENAI_BASE_URL") if preset.name == "openai" else ""
    return elsewhere or preset.base_url


def _preset(preset: Preset, connection: Connection, why: str) -> Endpoint:
    home = _home(preset)
    url = (connection.base_url or home).strip().rstrip("/")
    origin(url)
    key, key_name = _key_for(url, preset, home, connection) if connection.key is None else (connection.key, "")
    provider = OpenAICompatible.at(replace(connection, base_url=url, key=key, typed_keys={}))
    about = {"key": key, "key_name": key_name, "why": why}
    return endpoint_of(preset.name, provider, url, **about, list_models=provider.list_models)


def _key_for(url: str, preset: Preset, home: str, connection: Connection) -> tuple[Key | None, str]:
    """The key that is meant for ``url``, and the variable that would hold it.

    One that was typed in for it comes first.  A preset's own goes to the preset's own host alone; ``AVA_API_KEY`` goes
    to the host of ``AVA_BASE_URL``, or where that is not set to whatever wants a key or was named by its address.
    """
    here = origin(url)
    names = [preset.key] if preset.key and here == origin(home) else []
    ava_home = variable("AVA_BASE_URL")
    if (preset.key or connection.base_url) and (not ava_home or origin(ava_home) == here):
        names.append("AVA_API_KEY")
    keys = [connection.typed_keys.get(here), *(Key.from_environment(name) for name in names)]
    key = next((key for key in keys if key is not None), None)
    return key, key.name if key is not None and key.name in names else "".join(names[:1])


@functools.lru_cache(maxsize=1)
def _found_here(_moment: int) -> tuple[str, str] | None:
    """The preset of a model server that listens on its usual port of this machine, and its address.

    Looked for again only when ``_moment`` changes.
    """
    ports = {name: origin(PRESETS[name].base_url)[2] for name in _PROBED}
    found = first_listening([(host, port) for port in ports.values() for host in ("127.0.0.1", "::1")])
    if found is None:
        return None
    name = next(name for name, port in ports.items() if port == found[1])
    return name, PRESETS[name].base_url.replace("127.0.0.1", "[::1]" if ":" in found[0] else found[0])


def _plug_in(provider: Any, name: str, connection: Connection) -> Endpoint:
    key = _given_key(connection)
    if isinstance(provider, type) and issubclass(provider, AsyncGeneratorProvider):
        provider = provider.at(replace(connection, key=key, typed_keys={}))
    endpoint = endpoint_of(name, provider, connection.base_url, key=key, why="named")
    return replace(endpoint, ask=checked(endpoint.ask, name))


def _given_key(connection: Connection) -> Key | None:
    """The key that was given, or typed in, for an address at which no preset is.  Raises as :func:`origin` does."""
    typed = connection.typed_keys.get(origin(connection.base_url)) if connection.base_url else None
    return connection.key or typed
