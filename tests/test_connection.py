"""What an endpoint is reached by: its address, its key, and the words of its errors."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from ava_magic import AvaError
from ava_magic.connection import Connection, Key, Origin, error_text, origin, without_keys, without_known

SECRET = "-".join(["opaque", "value", "of", "a", "key"])


def test_a_connection_has_no_limit_but_those_that_are_promised() -> None:
    it = Connection()
    assert (it.connect_timeout, it.idle_timeout, it.retries, it.limit, it.proxies) == (10, 300, 2, 16 << 20, False)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://Api.Example/v1", ("https", "api.example", 443)),
        ("http://api.example/v1", ("http", "api.example", 80)),
        ("http://127.0.0.1:8080", ("http", "127.0.0.1", 8080)),
        ("https://[::1]:443/v1", ("https", "::1", 443)),
    ],
)
def test_a_key_belongs_to_a_scheme_a_host_and_a_port(url: str, found: Origin) -> None:
    assert origin(url) == found


@pytest.mark.parametrize("url", ["host/v1", "ftp://host/v1", "https://", "https://host:many/v1", "https://[::1/v1", ""])
def test_what_is_no_url_of_an_endpoint_is_told(url: str) -> None:
    with pytest.raises(AvaError, match="is not the URL of an endpoint; it should look like https://host/v1") as caught:
        origin(url)
    assert caught.value.kind == "config"


@pytest.mark.parametrize("user", ["{}@", "me:{}@", ":{}@"])
def test_a_url_that_holds_a_secret_is_refused_and_not_repeated(user: str) -> None:
    with pytest.raises(AvaError, match="a key goes into AVA_API_KEY") as caught:
        origin(f"https://{user.format(SECRET)}host/v1")
    assert SECRET not in str(caught.value)


def test_a_key_shows_itself_to_nobody_but_who_asks() -> None:
    key = Key(SECRET, "AVA_API_KEY")
    assert key.reveal() == SECRET
    assert repr(key) == str(key) == "<Key AVA_API_KEY>"
    assert SECRET not in repr(Connection(key=key))
    with pytest.raises(TypeError, match="a key is not pickled"):
        pickle.dumps(key)


@pytest.mark.parametrize("odd", [" ", "\n", "\u00e4", "\x00"])
def test_what_no_header_can_carry_is_no_key(odd: str) -> None:
    with pytest.raises(AvaError, match=r"^AVA_API_KEY holds a space, a line break or") as caught:
        Key(SECRET + odd, "AVA_API_KEY")
    assert SECRET not in str(caught.value)


def test_of_secrets_that_begin_alike_the_longer_one_goes_whole() -> None:
    assert without_known(f"a {SECRET}-2, b {SECRET}", [SECRET, f"{SECRET}-2"]) == "a \u2026, b \u2026"
    assert without_keys(f"Incorrect: {SECRET}.", Key(SECRET)) == "Incorrect: \u2026."


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (" no such model \n", "no such model"),
        ({"error": "no"}, "no"),
        ({"error": {"message": "no", "code": 404}}, "no"),
        ({"error": {"message": "", "details": [{"msg": "one"}, {"msg": ""}, {"msg": "two"}]}}, "one; two"),
        ({"message": "later", "error": "first"}, "first"),
        ([{"error": {"message": "in a list"}}], "in a list"),
        ({"detail": [{"loc": ["body", "top_p"], "msg": "too large", "type": "x"}]}, "top_p: too large"),
        ({"detail": [{"loc": ["body"], "msg": "not JSON"}]}, "not JSON"),
        ({"detail": [{"loc": ["body", "top_p"], "msg": {"message": "odd"}, "detail": "this"}]}, "this"),
        ({"detail": [{"loc": "body", "msg": "said"}]}, "said"),
        ({"code": 500, "error": None}, ""),
        (404, ""),
        (None, ""),
    ],
)
def test_the_words_of_an_error_in_any_shape(payload: Any, words: str) -> None:
    assert error_text(payload) == words


def test_an_error_that_is_nested_too_deep_has_no_words() -> None:
    payload: Any = "words"
    for _ in range(8):
        payload = {"error": payload}
    assert error_text(payload) == error_text({"error": "words"}) == "words"
    assert error_text({"error": payload}) == error_text([payload]) == ""
