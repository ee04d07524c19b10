"""``--check``: whether an endpoint can be asked, step by step; at the first thing that is wrong it says what to do.

The steps before HTTP are made by hand, on connections of their own, since only so a step's line can stand there before
the next begins.  A question then goes through the provider as any other does, with room for one token.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from aiohappyeyeballs import addr_to_addr_infos, start_connection

from .connection import origin
from .conversation.exchanges import Message
from .errors import AvaError
from .failures import certificate_words, explain, os_words
from .models import is_listed, with_models
from .providers.base import ModelName, Reasoning, Refusal, hang_up
from .providers.endpoint import Endpoint
from .providers.shape import Ask
from .sessions import Resolver
from .transport import keep_off_plain_http

__all__ = ["check"]

_PATIENCE = 10.0  # seconds for each step before the first request
_HI: Message = {"role": "user", "content": "hi"}

Step = Callable[[], Awaitable[str]]


def check(endpoint: Endpoint, *, through_proxy: bool = False) -> Ask:
    """What answers ``--check`` for ``endpoint``: one line of Markdown for each step, as soon as it is done.

    Nothing but HTTP has to be possible ``through_proxy``, so the steps before it are left out then.
    """

    async def report(model: str, messages: list[Message], **fields: Any) -> AsyncGenerator[str, None]:
        steps = _Steps(endpoint, model, fields, through_proxy)
        yield _line(
            "\u2713", "endpoint", f"{endpoint.name} ({endpoint.why}){f' at {endpoint.address}' if endpoint.url else ''}"
        )
        for name, step in steps.all():
            try:
                yield _line("\u2713", name, await step())
            except _Doubt as doubt:
                yield _line("\u00b7", name, str(doubt))
            except Exception as error:  # a plug-in's, too: whatever it is, it is what this step found
                failure = await with_models(explain(error, endpoint), endpoint, model)
                words = str(failure).removeprefix(f"{endpoint.where}: ")
                yield _line("\u2717", "key" if failure.kind == "auth" else name, words)
                return
        yield "\nAll is well.\n"

    return report


def _line(mark: str, name: str, words: str) -> str:
    return f"- {mark} **{name}**: {words}\n"


class _Doubt(Exception):
    """Something that may be wrong, or not: the next step tells."""


class _Steps:
    """The steps for one endpoint.  Each returns what it found, or raises what is wrong."""

    def __init__(self, endpoint: Endpoint, model: str, fields: Mapping[str, Any], through_proxy: bool) -> None:
        self._endpoint = endpoint
        self._model = model
        self._fields = fields
        self._through_proxy = through_proxy
        self._scheme, self._host, self._port = origin(endpoint.url) if endpoint.url else ("", "", 0)
        self._addresses = [self._host]  # until the name is looked up

    def all(self) -> list[tuple[str, Step]]:
        """The steps that make sense, with their names, in order."""
        steps: list[tuple[str, Step]] = []
        if self._host and not self._through_proxy:
            steps = [] if _is_address(self._host) else [("name", self._name)]
            steps.append(("connection", self._connection))
            if self._scheme == "https":
                steps.append(("TLS", self._tls))
        if self._endpoint.key is not None or self._endpoint.key_name:
            steps.append(("key", self._key))
        if self._endpoint.list_models is not None:
            steps.append(("models", self._models))
        return [*steps, ("one token", self._one_token)]

    async def _name(self) -> str:
        resolver = Resolver()  # a question's own: the system's answer may be another
        try:
            async with asyncio.timeout(_PATIENCE):
                found = await resolver.resolve(self._host, self._port, socket.AF_UNSPEC)
        except TimeoutError:
            raise AvaError(
                f"no answer within {_PATIENCE:.0f} s; does this machine have a network?", "timeout"
            ) from None
        except OSError:
            advice = "is the host in the URL right, and does this machine have a network?"
            raise AvaError(f"no such host is known; {advice}", "connection") from None
        finally:
            await resolver.close()
        self._addresses = addresses = list(dict.fromkeys(address["host"] for address in found))
        return f"{self._host} is {' and '.join(addresses[:2])}{' and others' if len(addresses) > 2 else ''}"

    async def _connection(self) -> str:
        started = time.monotonic()
        try:
            await self._open()
        except TimeoutError:
            words = f"port {self._port} did not answer within {_PATIENCE:.0f} s; is a firewall or a proxy in between?"
            raise AvaError(words, "timeout") from None
        except OSError as error:
            advice = "is the server running, and the port right?"
            raise AvaError(
                f"nothing takes a connection at port {self._port} ({os_words(error)}); {advice}", "connection"
            ) from None
        return f"port {self._port}, in {1000 * (time.monotonic() - started):.0f} ms"

    async def _tls(self) -> str:
        try:
            version = await self._open(ssl.create_default_context())
        except ssl.SSLCertVerificationError as error:
            raise AvaError(certificate_words(error), "connection") from None
        except TimeoutError:
            raise AvaError(
                f"it was not agreed on within {_PATIENCE:.0f} s; does the server speak https?", "timeout"
            ) from None
        except OSError:
            raise AvaError("there is none; does the server speak https, or is it http?", "connection") from None
        return f"{version}, and the certificate is valid"

    async def _key(self) -> str:
        key, name = self._endpoint.key, self._endpoint.key_name
        if key is not None:
            keep_off_plain_http(self._endpoint.url)
            return f"{key.name} is sent along"
        raise _Doubt(f"none is set; it would be {name}, or what %ava --key asks for")

    async def _models(self) -> str:
        assert self._endpoint.list_models is not None
        try:
            names = await self._endpoint.list_models()
        except Exception as error:  # a plug-in's, too
            failure = explain(error, self._endpoint)
            if failure.kind in ("auth", "bad_request", "protocol"):
                raise _Doubt(f"there is no list to be had: {failure}") from None
            raise
        count = f"{len(names):,} in the list"
        if not self._model:
            return f"{count}; none is named with -m, so the endpoint has to choose"
        if is_listed(self._model, names):
            return f"{count}, {self._model} among them"
        raise _Doubt(f"{count}, but {self._model} is not")

    async def _one_token(self) -> str:
        try:
            return await self._first_of(max_tokens=1)
        except Exception as error:  # a plug-in's, too
            if "max_completion_tokens" not in str(error):  # what OpenAI's newer models want it to be called
                raise
        return await self._first_of(max_completion_tokens=1)

    async def _first_of(self, **limit: int) -> str:
        """Ask, and hang up as soon as the reply has begun."""
        fields = {
            name: value for name, value in self._fields.items() if name not in ("max_tokens", "max_completion_tokens")
        }
        started = time.monotonic()
        model = self._model
        deltas = self._endpoint.ask(self._model, [_HI], **fields | limit)
        try:
            async for delta in deltas:
                if isinstance(delta, ModelName):
                    model = delta.name
                elif delta and isinstance(delta, str | Reasoning | Refusal):
                    break
        finally:
            await hang_up(deltas)
        return f"after {time.monotonic() - started:.1f} s{f' from {model}' if model else ''}"

    async def _open(self, context: ssl.SSLContext | None = None) -> str:
        """Connect and hang up; the version of TLS, ``""`` without ``context``.

        The addresses are tried as aiohttp does, so that one that is dead holds up none that answers.
        """
        found = [info for address in self._addresses for info in addr_to_addr_infos((address, self._port)) or ()]
        name = self._host if context else None
        async with asyncio.timeout(_PATIENCE):
            connected = await start_connection(found, happy_eyeballs_delay=0.25)
            _, writer = await asyncio.open_connection(sock=connected, ssl=context, server_hostname=name)
        secured = writer.get_extra_info("ssl_object")
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()
        return str(secured.version()) if secured else ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
