"""``CodeLinkAva``: the request it sends and the errors it raises, as the seed module did."""

from __future__ import annotations

import inspect
import json
from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import Mock

import aiohttp
import pytest
from aioresponses import aioresponses
from aioresponses.core import RequestCall
from yarl import URL

from ava_magic import AvaError, Chat, CodeLinkAva, transport
from ava_magic.connection import Connection

from .endpoint import END, Endpoint, chunk

_URL = "https://ava-alpha-api.codelink.io/api/chat"
_HELLO: Any = [{"role": "user", "content": "hello"}]


class _Response(aiohttp.ClientResponse):
    """aiohttp 3.14 asks for a ``stream_writer`` that aioresponses 0.7.9 does not pass."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "stream_writer" in inspect.signature(aiohttp.ClientResponse.__init__).parameters:
            kwargs.setdefault("stream_writer", Mock())
        super().__init__(*args, **kwargs)


@pytest.fixture
async def mocked() -> AsyncIterator[aioresponses]:
    with aioresponses() as mocked:
        yield mocked
    await transport.close()


def _answer(mocked: aioresponses, body: bytes, status: int = 200) -> None:
    mocked.post(_URL, body=body, status=status, response_class=_Response)


def _sent(mocked: aioresponses) -> RequestCall:
    [call] = mocked.requests["POST", URL(_URL)]
    return call


async def _deltas(**kwargs: Any) -> list[str]:
    return [
        d async for d in CodeLinkAva.create_async_generator("gpt-3.5-turbo", _HELLO, **kwargs) if isinstance(d, str)
    ]


def test_it_has_the_shape_of_the_seed_module() -> None:
    assert CodeLinkAva.supports_gpt_35_turbo is True
    assert CodeLinkAva.working is False
    assert CodeLinkAva.url.startswith("https://")
    assert inspect.isasyncgenfunction(CodeLinkAva.create_async_generator)
    assert list(inspect.signature(CodeLinkAva.create_async_generator).parameters) == ["model", "messages", "kwargs"]


async def test_deltas_are_yielded_until_done(mocked: aioresponses) -> None:
    _answer(mocked, chunk("Hel") + chunk("lo") + END + chunk("LATE"))
    assert await _deltas() == ["Hel", "lo"]


async def test_the_body_holds_messages_temperature_and_stream(mocked: aioresponses) -> None:
    _answer(mocked, END)
    await _deltas()
    assert _sent(mocked).kwargs["json"] == {"messages": _HELLO, "temperature": 0.6, "stream": True}


async def test_further_fields_are_laid_over_the_body(mocked: aioresponses) -> None:
    _answer(mocked, END)
    await _deltas(temperature=0.1, top_p=0.5)
    assert _sent(mocked).kwargs["json"] == {"messages": _HELLO, "temperature": 0.1, "stream": True, "top_p": 0.5}


async def test_no_key_is_sent(mocked: aioresponses) -> None:
    _answer(mocked, END)
    await _deltas()
    assert "Authorization" not in _sent(mocked).kwargs["headers"]


@pytest.mark.parametrize("status", [400, 401, 404, 500])
async def test_an_http_error_is_aiohttps_own(mocked: aioresponses, status: int) -> None:
    _answer(mocked, b"", status=status)
    with pytest.raises(aiohttp.ClientResponseError) as caught:
        _ = [d async for d in CodeLinkAva.at(Connection(retries=0)).create_async_generator("", _HELLO)]
    assert caught.value.status == status


async def test_create_async_joins_the_content(mocked: aioresponses) -> None:
    _answer(mocked, chunk("Hel") + chunk("lo") + END)
    assert await CodeLinkAva.create_async("", _HELLO) == "Hello"


async def test_the_retired_service_is_named_with_what_to_use_instead(mocked: aioresponses) -> None:
    mocked.post(_URL, exception=aiohttp.ClientConnectionError("gone"))
    with pytest.raises(AvaError, match=r"stopped in 2023.*ava_magic\.server"):
        await Chat(provider="codelink-ava").ask("hi")


async def test_it_works_against_a_live_server_of_its_protocol(endpoint: Endpoint) -> None:
    endpoint.says("still ", "alive")
    base = endpoint.url.removesuffix("/v1")
    chat = Chat(provider="codelink-ava", base_url=base)
    assert str(await chat.ask("hello", model="ignored")) == "still alive"
    request = endpoint.requests[0]
    assert (request.method, request.path) == ("POST", "/api/chat")
    assert json.loads(request.body) == {"messages": _HELLO, "temperature": 0.6, "stream": True}
    await transport.close()
