"""What an endpoint's provider raised becomes one line that says what to do, and no key is in it."""

from __future__ import annotations

import pickle
import secrets
import socket
import ssl
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from ava_magic import AvaError
from ava_magic.connection import Key
from ava_magic.failures import as_ava_error, certificate_words, explain, os_words
from ava_magic.providers.endpoint import Endpoint
from ava_magic.providers.guide import Guide

ASKED: Any = SimpleNamespace(real_url=URL("http://h/v1"))


def answered(status: int, message: str = "", **headers: str) -> AvaError:
    """What is said of an answer with this status."""
    fields = CIMultiDictProxy(CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()}))
    error = aiohttp.ClientResponseError(ASKED, (), status=status, message=message, headers=fields)
    return as_ava_error(error, "h", "H_API_KEY")


@pytest.mark.parametrize(
    ("status", "message", "kind", "says"),
    [
        (401, "bad key", "auth", "h refused the key (401 bad key); set H_API_KEY to a valid key, or type one in after"),
        (403, "", "auth", "h refused the key (403); set H_API_KEY"),
        (400, "API key not valid.", "auth", "h refused the key (400 API key not valid.)"),
        (400, "no such field", "bad_request", "h refused the request (400 no such field); mend the request and ask"),
        (400, "context length is 8", "bad_request", "h refused the request (400 context length is 8); it is too long"),
        (404, "", "bad_request", "h refused the request (404); is the base URL right, and the model's name?"),
        (499, "gone", "bad_request", "h refused the request (499 gone); mend the request"),
        (408, "slow", "server", "h failed (408 slow); ask again in a while"),
        (500, "", "server", "h failed (500); ask again in a while"),
        (429, "slow", "rate_limit", "h wants fewer requests (429 slow); wait, or look at the account's limits"),
        (0, "Bad status line", "protocol", "h: the answer is not HTTP as it should be; is the URL right?"),
        (204, "empty", "protocol", "h answered 204 empty, which is no reply."),
    ],
)
def test_each_status_says_what_to_do(status: int, message: str, kind: str, says: str) -> None:
    error = answered(status, message)
    assert error.kind == kind
    assert str(error).startswith(says)
    assert "points to" not in str(error)


def test_where_an_answer_points_is_told_and_what_it_asks_to_wait() -> None:
    assert str(answered(307, "moved", Location="http://i/v1")).endswith(
        "which is no reply. It points to http://i/v1; if you trust that, use it as the base URL."
    )
    for location in ("http://h/v2/chat/completions", "/v2/chat/completions", "/v2/models/"):  # http://h/v1 was asked
        assert "It points to http://h/v2; if" in str(answered(301, "moved", Location=location))
    assert "(429); wait, or" in str(answered(429, Retry_After="120"))
    assert "(429); wait 1,200 seconds, or" in str(answered(429, Retry_After="1200"))


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (aiohttp.ClientPayloadError("400, message: Decompressed data exceeds 1 byte"), "too_large", "ask for less"),
        (aiohttp.ClientPayloadError("Can not decode content-encoding: br"), "protocol", "is something in between?"),
        (aiohttp.ClientPayloadError("Response payload is not completed"), "truncated", "cut off before its end"),
        (aiohttp.ConnectionTimeoutError("connect"), "timeout", "no connection was made in time"),
        (aiohttp.SocketTimeoutError("read"), "timeout", "nothing came for too long; ask again, or set a longer"),
        (TimeoutError(), "timeout", "nothing came for too long; ask again, or set a longer"),
        (aiohttp.ServerDisconnectedError(), "connection", "the server hung up without an answer; ask again"),
        (aiohttp.InvalidURL("http://"), "config", "h is not the URL of an endpoint"),
        (aiohttp.ClientError("odd"), "protocol", "not HTTP as it should be (ClientError); is the URL right?"),
    ],
)
def test_each_failure_says_what_to_do(error: Any, kind: str, says: str) -> None:
    told = as_ava_error(error, "h")
    assert told.kind == kind
    assert str(told).startswith("h")
    assert says in str(told)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('10.0.0.1', 80)"), "Connection refused"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (OSError("of its own making"), "OSError"),
    ],
)
def test_an_error_of_the_system_is_told_in_the_systems_words(error: OSError, words: str) -> None:
    assert os_words(error) == words


def test_a_certificate_that_is_wrong_in_another_way_is_told_in_openssls_words() -> None:
    error = ssl.SSLCertVerificationError()
    error.verify_code, error.verify_message = 18, "self-signed certificate"
    assert certificate_words(error).startswith(
        "the server's certificate is not trusted here (self-signed certificate);"
    )


def test_a_plug_ins_error_keeps_its_traceback_and_no_key_in_any_of_its_links() -> None:
    """Not even in one that leads round in a circle."""
    key = Key(secrets.token_hex(16))
    first, second, third = (ValueError(f"{n}: {key.reveal()}", n) for n in range(3))
    first.__cause__, second.__context__, third.__cause__ = second, third, first
    told = explain(first, Endpoint("plug-in", Guide.create_async_generator, key=key))
    assert told.kind == "api"
    assert str(told) == "the provider plug-in failed: ValueError: ('0: …', 0)"
    assert told.__cause__ is first
    assert [link.args for link in (first, second, third)] == [(f"{n}: …", n) for n in range(3)]


def test_a_hint_of_the_endpoint_ends_the_line_and_the_error_stays_what_it_is() -> None:
    told = explain(AvaError("no", "auth"), Endpoint("h", Guide.create_async_generator, hint=" (try another)"))
    for error in (told, pickle.loads(pickle.dumps(told))):
        assert str(error) == "h: no (try another)"
        assert error.kind == "auth"
    assert str(explain(told, Endpoint("h", Guide.create_async_generator))) == "h: no (try another)"
