"""Which endpoint answers, and with which key, when a question names none."""

from __future__ import annotations

import itertools
import math
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest

from ava_magic.connection import Connection, Key, origin, without_keys
from ava_magic.errors import AvaError
from ava_magic.providers import presets, probe
from ava_magic.providers.presets import PRESETS, Preset, resolve

from .endpoint import Endpoint
from .kernel import Kernel
from .ports import closed_port


class Listener:
    """A port that counts the connections that it takes."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._socket = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.port = self._socket.getsockname()[1]
        self.count = 0
        self.closed = False
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection:
                if connection.recv(1):
                    return
            self.count += 1

    def close(self) -> int:
        """Close the port, after all that was in its queue; the number of connections that said nothing."""
        self.closed = True
        with socket.create_connection(self._socket.getsockname()[:2]) as last:
            last.send(b".")
            self._thread.join()
        self._socket.close()
        return self.count


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    if not listener.closed:
        listener.close()


@pytest.fixture(autouse=True)
def nothing_found(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing has been looked for, and what is found is kept for ever: a minute may end in the middle of a test."""
    monkeypatch.setattr(presets, "_PROBE_LASTS", math.inf)
    presets._found_here.cache_clear()
    yield
    presets._found_here.cache_clear()


@pytest.fixture
def free_ports() -> Iterator[list[int]]:
    """Two ports that nobody listens on, at either address of this machine."""
    with ExitStack() as opened:
        ports = [opened.enter_context(closed_port()) for _ in range(2)]
        for port in ports:
            _close_its_twin(opened, port)
        yield ports


def _close_its_twin(opened: ExitStack, port: int) -> None:
    """Keep others from listening on ``port`` at this machine's other address."""
    with suppress(OSError):  # this machine has no IPv6
        opened.enter_context(closed_port("::1", port))


@pytest.fixture
def move(monkeypatch: pytest.MonkeyPatch, free_ports: list[int]) -> Callable[..., None]:
    """Puts the presets of local servers at other ports, so that nothing of this machine answers in their place."""

    def move(**ports: int) -> None:
        for name, port in (dict(zip(("ollama", "lmstudio"), free_ports, strict=True)) | ports).items():
            monkeypatch.setitem(PRESETS, name, Preset(name, f"http://127.0.0.1:{port}/v1"))

    return move


def test_a_server_of_this_machine_is_looked_for_once_and_not_by_every_question(
    listener: Listener, move: Callable[..., None]
) -> None:
    move(lmstudio=listener.port)
    for _ in range(20):
        endpoint = resolve()
        assert (endpoint.name, endpoint.why) == ("lmstudio", "it runs on this machine")
        assert endpoint.url == f"http://127.0.0.1:{listener.port}/v1"
    assert listener.close() == 1


def test_where_nothing_listens_is_not_looked_again_either(listener: Listener, move: Callable[..., None]) -> None:
    move()
    assert resolve().name == "guide"
    move(ollama=listener.port)
    assert (resolve().name, resolve().why) == ("guide", "no endpoint is set")
    assert listener.close() == 0


def test_a_server_that_has_one_family_of_addresses_is_found_at_it(move: Callable[..., None]) -> None:
    with closed_port() as port:
        try:
            listener = Listener("::1", port)
        except OSError:
            pytest.skip("this machine has no IPv6")
        move(ollama=port)
        assert resolve().url == f"http://[::1]:{port}/v1"
        assert listener.close() == 1


def test_no_port_is_asked_where_something_is_named(
    listener: Listener, move: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    move(ollama=listener.port)
    monkeypatch.setenv("MISTRAL_API_KEY", secrets.token_hex(16))
    assert (resolve().name, resolve().why) == ("mistral", "MISTRAL_API_KEY is set")
    assert resolve("guide").why == "named"
    assert resolve("auto", Connection("http://127.0.0.1:1/v1")).why == "base_url is set"
    assert listener.close() == 0


def test_the_first_address_that_is_listened_at_is_taken(listener: Listener, free_ports: list[int]) -> None:
    addresses = [("127.0.0.1", free_ports[0]), ("127.0.0.1", listener.port), ("::1", free_ports[1])]
    assert probe.first_listening(addresses) == ("127.0.0.1", listener.port)
    assert probe.first_listening(addresses[:1]) is None
    assert probe.first_listening([]) is None


def test_what_there_is_no_way_to_is_not_listened_at() -> None:
    """As this machine's address of IPv6 where that is turned off: a connection fails at once."""
    assert probe.first_listening([("255.255.255.255", 9)]) is None


def test_a_slow_machine_looks_once_all_the_same(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count()
    monkeypatch.setattr("ava_magic.providers.probe.time.monotonic", lambda: next(clock))
    assert probe.first_listening([("127.0.0.1", listener.port)]) == ("127.0.0.1", listener.port)


def test_a_probe_ends_by_itself() -> None:
    """A port whose queue is full neither takes nor refuses: all that a probe waits for are its 45 ms."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()[:2]
        queued = [socket.socket() for _ in range(4)]
        for connection in queued:
            connection.setblocking(False)
            connection.connect_ex(address)
        assert probe.first_listening([address] * 8) is None
        for connection in queued:
            connection.close()


def test_a_key_that_was_typed_in_for_codelink_ava_is_sent_there_alone() -> None:
    typed = {origin("https://a.example"): Key(secrets.token_hex(16), "typed")}
    found = resolve("codelink-ava", Connection("https://a.example", typed_keys=typed))
    assert found.key is typed["https", "a.example", 443]
    connection = found.ask.__self__.connection  # type: ignore[attr-defined]  # a class's method
    assert (connection.key, connection.typed_keys) == (found.key, {})
    assert resolve("codelink-ava", Connection("https://b.example", typed_keys=typed)).key is None


@pytest.mark.parametrize("provider", ["codelink-ava", "ava_magic.providers.codelink_ava:CodeLinkAva"])
def test_a_url_with_a_password_in_it_is_refused_whatever_key_is_given(provider: str) -> None:
    with pytest.raises(AvaError, match="a name or a password"):
        resolve(provider, Connection("http://a:b@host/v1", Key(secrets.token_hex(16))))


def test_a_key_that_was_typed_in_goes_before_the_environments_and_to_its_origin_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", secrets.token_hex(16))
    typed = {origin("https://api.openai.com/v1"): Key(secrets.token_hex(16), "typed")}

    def key_for(provider: str, base_url: str = "") -> str:
        key = resolve(provider, Connection(base_url, typed_keys=typed)).key
        return key.name if key else ""

    assert key_for("openai") == key_for("auto") == key_for("auto", "https://api.openai.com:443/v1") == "typed"
    assert key_for("openai", "http://api.openai.com/v1") == ""
    assert key_for("openai", "https://api.openai.com:444/v1") == ""
    assert key_for("openai", "https://api.openai.com.example.org/v1") == ""
    assert key_for("mistral") == ""


def test_one_endpoint_is_not_handed_the_keys_of_others() -> None:
    typed = {origin("https://a.example/v1"): Key(secrets.token_hex(16)), origin("https://b.example/v1"): Key("b")}
    ask = resolve("auto", Connection("https://b.example/v1", typed_keys=typed)).ask
    connection: Connection = ask.__self__.connection  # type: ignore[attr-defined]  # a provider's method
    assert connection.typed_keys == {}
    assert connection.key is typed["https", "b.example", 443]


@pytest.mark.parametrize(
    "url",
    ["localhost:8000/v1", "/v1", "ftp://h/v1", "http:///v1", "http://[::1/v1", "http://h:x/v1", "http://h:99999/v1"],
)
def test_what_is_no_url_of_an_endpoint_is_told_with_one_that_is(url: str) -> None:
    with pytest.raises(AvaError) as caught:
        resolve("auto", Connection(url))
    assert caught.value.kind == "config"
    assert str(caught.value) == f"{url!r} is not the URL of an endpoint; it should look like https://host/v1"


@pytest.mark.parametrize("name", ["user:word@", "user@"])
def test_a_url_with_a_password_in_it_is_refused_and_not_repeated(name: str) -> None:
    with pytest.raises(AvaError, match="is not taken") as caught:
        resolve("auto", Connection(f"https://{name}host/v1"))
    assert "user" not in str(caught.value)


_FILL = "aB3_x-9Q" * 5
_SHOWN_KEYS = [
    "Incorrect API key provided: {}-aB3x9****************pYxy. You can find",
    "Incorrect API key provided: {}-proj-********************SJh4",
    "Incorrect API key provided: D57rV0ys************Pp9p",
    "Authentication Fails, Your api key: ****5b4b is invalid",
    "Incorrect API key provided: xa***yz",
    "Received API Key = {}-...abcd, Key Hash",
    *(f"{{}}-{name}{_FILL}" for name in ("", "proj-", "ant-api03-", "or-v1-")),
    *(
        f"Bearer {name}{_FILL}"
        for name in ("gs" + "k_", "xa" + "i-", "cs" + "k-", "tg" + "p_v1_", "h" + "f_", "AI" + "za", "A" + "Q.")
    ),
]


@pytest.mark.parametrize("text", _SHOWN_KEYS)
def test_what_a_service_quotes_of_a_key_is_taken_out(text: str) -> None:
    text = text.format("s" + "k")
    shown = without_keys(text, None)
    assert "…" in shown
    assert not [
        word for word in ("pYxy", "SJh4", "Pp9p", "5b4b", "yz", "abcd", _FILL[:6]) if word in shown.split("…", 1)[1]
    ]
    assert not [word for word in ("aB3x9", "D57r", _FILL[:6]) if word in shown]


@pytest.mark.parametrize(
    "text",
    [
        "the task-skipped risk-averse sketch of a desk-1234567890abc",
        "pk_constraint violated in pkgconfig on rk3588",
        "hf_hub_download failed; sk-learn and sk_buff are no keys",
        "see https://platform.openai.com/account/api-keys",
        "**bold** and ***bold*** words, 2 ** 3 and a * b",
        "model claude-3-5-sonnet-20241022 not found (request req_011CQxyz)",
        "max_tokens is too large: 100000; mistral-small-2409 takes 32768",
        "0123456789abcdef0123456789abcdef",
    ],
)
def test_ordinary_words_of_an_error_stay(text: str) -> None:
    assert without_keys(text, None) == text


def test_the_environments_secrets_are_taken_out_and_short_values_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    key = secrets.token_hex(16)
    monkeypatch.setenv("SOMEBODYS_API_KEY", key)
    monkeypatch.setenv("SHORT_TOKEN", "none")
    assert without_keys(f"none but {key}", None) == "none but …"


def test_a_variable_that_holds_no_url_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVA_BASE_URL", "host/v1")
    with pytest.raises(AvaError, match=r"^AVA_BASE_URL: 'host/v1' is not the URL of an endpoint"):
        resolve()


def test_auto_says_in_a_kernel_what_it_chose_and_why(kernel: Kernel, endpoint: Endpoint) -> None:
    kernel.run(f"import os; os.environ['AVA_BASE_URL'] = '{endpoint.url}'")
    assert "openai-compatible (AVA_BASE_URL is set)" in kernel.run("%ava").stdout
    kernel.run("del os.environ['AVA_BASE_URL']; os.environ['GROQ_API_KEY'] = 'some' + 'thing'")
    state = kernel.run("%ava").stdout
    assert "groq (GROQ_API_KEY is set)" in state
    assert "something" not in state
    kernel.run("del os.environ['GROQ_API_KEY']")


@pytest.mark.parametrize(
    ("base", "posts_to", "shown"),
    [
        ("/v1/chat/completions", "/v1/chat/completions", "/v1/chat/completions"),
        ("/v1/chat/completions/", "/v1/chat/completions", "/v1/chat/completions"),
        ("/v1?api-version=2", "/v1/chat/completions?api-version=2", "/v1"),
        ("/d/chat/completions?code=ours", "/d/chat/completions?code=ours", "/d/chat/completions"),
    ],
)
def test_a_base_url_may_be_whole_and_have_a_query(
    kernel: Kernel, endpoint: Endpoint, base: str, posts_to: str, shown: str
) -> None:
    """A key may stand in the query, so it is not shown."""
    endpoint.says("fine")
    host = endpoint.url.removesuffix("/v1")
    kernel.run(f"%config AvaMagics.base_url = {host + base!r}")
    cell = kernel.run("%ava hi")
    assert endpoint.requests[0].path == posts_to
    assert f"{host}{shown} \u00b7" in cell.shown
    assert "?" not in cell.shown + kernel.run("%ava").shown.partition("endpoint")[2].partition("\n")[0]
