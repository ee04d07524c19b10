"""The way to an endpoint: names, families, certificates, proxies, and how long each step may take."""

from __future__ import annotations

import asyncio
import datetime
import email.utils
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import trustme
from aiohttp.abc import AbstractResolver

from ava_magic import AvaError, Chat, Reply, transport
from ava_magic.connection import Connection
from ava_magic.providers.openai_compatible import OpenAICompatible

from .clock import put_forward, run_hurried
from .endpoint import END, HANG_UP, Endless, Endpoint, Gate
from .kernel import Kernel
from .ports import closed_port, nobody_listens


@pytest_asyncio.fixture(autouse=True)
async def no_session_left_open() -> Any:
    yield
    await transport.close()


async def failure(base_url: str, **settings: Any) -> AvaError:
    """What a question to ``base_url`` fails with, which is one line."""
    with pytest.raises(AvaError) as caught:
        await Chat(base_url=base_url, **{"retries": 0, **settings}).ask("hi")
    assert len(str(caught.value).splitlines()) == 1
    return caught.value


class TestNames:
    """From a host's name to a connection."""

    @pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
    @pytest.mark.parametrize("name", ["localhost", "ava.localhost"])
    async def test_localhost_is_found_on_either_of_its_addresses(self, address: str, name: str) -> None:
        with (
            closed_port() if address == "::1" else nullcontext(0) as port,
            closing(Endpoint(address, port)) as endpoint,
        ):
            endpoint.says("here")
            assert (await Chat(base_url=f"http://{name}:{endpoint.port}/v1").ask("hi")).text == "here"

    async def test_an_address_of_ipv6_is_one(self) -> None:
        with closing(Endpoint(host="::1")) as endpoint:
            endpoint.says("here")
            reply = await Chat(base_url=endpoint.url, api_key="not-a-real-key").ask("hi")
            assert reply.text == "here"
            assert endpoint.requests[0].headers["host"] == f"[::1]:{endpoint.port}"

    async def test_no_name_server_is_asked_where_localhost_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its answer could lead elsewhere, and a key with it."""

        def ask(*_: Any, **__: Any) -> Any:
            raise AssertionError("a name server was asked")

        monkeypatch.setattr(socket, "getaddrinfo", ask)
        with closing(Endpoint()) as endpoint:
            endpoint.says("here")
            chat = Chat(base_url=f"http://ava.localhost:{endpoint.port}/v1", api_key="not-a-real-key")
            assert (await chat.ask("hi")).text == "here"

    async def test_a_host_that_resolves_to_nothing(self) -> None:
        error = await failure("https://ava.invalid/v1")
        assert error.kind == "connection"
        assert "no host ava.invalid is known" in str(error)

    async def test_a_port_that_nobody_listens_on(self) -> None:
        with nobody_listens() as url:
            error = await failure(url)
        assert error.kind == "connection"
        assert "refused" in str(error)
        assert "is the server running" in str(error)

    @pytest.mark.parametrize("host", ["127.1", "2130706433", "a..b", "x" * 300, "[::1%25eth9]", "xn--", "a\u0000b"])
    async def test_a_host_that_is_none_is_told_in_one_line(self, host: str) -> None:
        assert (await failure(f"http://{host}:9/v1")).kind in ("config", "connection")


class TestTime:
    """How long each step may take."""

    async def test_a_connection_that_is_not_made_in_time(self) -> None:
        """A listener whose queue is full leaves whoever comes next waiting."""
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            address = full.getsockname()
            waiting = [socket.socket() for _ in range(3)]
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(address)
            provider = OpenAICompatible.at(
                Connection(f"http://127.0.0.1:{address[1]}/v1", connect_timeout=0.2, retries=0)
            )
            error = await failure("", provider=provider.create_async_generator)
            for each in waiting:
                each.close()
        assert error.kind == "timeout"
        assert "no connection was made in time" in str(error)

    async def test_a_handshake_that_does_not_come_in_time(self) -> None:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            url = f"https://127.0.0.1:{silent.getsockname()[1]}/v1"
            provider = OpenAICompatible.at(Connection(url, connect_timeout=0.2, retries=0))
            error = await failure("", provider=provider.create_async_generator)
        assert error.kind == "timeout"

    async def test_a_name_that_is_not_found_in_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = threading.Event()

        class Slow(AbstractResolver):
            async def resolve(self, *_: Any, **__: Any) -> Any:
                await asyncio.to_thread(found.wait)

            async def close(self) -> None:
                found.set()

        monkeypatch.setattr("ava_magic.sessions.aiohttp.DefaultResolver", Slow)
        provider = OpenAICompatible.at(Connection("https://ava.invalid/v1", connect_timeout=0.2, retries=0))
        error = await failure("", provider=provider.create_async_generator)
        found.set()
        assert error.kind == "timeout"

    def test_headers_that_trickle_in_have_their_time(self, endpoint: Endpoint) -> None:
        """Each of them would be in time."""

        gates = [Gate() for _ in range(100)]
        endpoint.answers_raw(b"HTTP/1.1 200 OK\r\n", *(step for gate in gates for step in (gate, b"X: y\r\n")))

        async def ask() -> str:
            asked = asyncio.ensure_future(failure(endpoint.url, timeout=300.0))
            for gate in gates:
                await asyncio.wait([asked], timeout=18)
                if asked.done():
                    return (await asked).kind
                gate.open()
            raise AssertionError("all of them were waited for")

        assert run_hurried(ask(), 600) == "timeout"

    def test_interim_answers_without_end_have_their_time(self, endpoint: Endpoint) -> None:
        endpoint.answers_raw(Endless(b"HTTP/1.1 100 Continue\r\n\r\n" * 100))
        assert run_hurried(failure(endpoint.url, timeout=5.0)).kind == "timeout"

    def test_comments_that_say_that_it_lives_are_no_silence(self, endpoint: Endpoint) -> None:
        gates = [Gate() for _ in range(30)]
        endpoint.answers(*(step for gate in gates for step in (gate, b": processing\n\n")), "done", END)

        async def ask() -> str:
            asked = asyncio.ensure_future(Chat(base_url=endpoint.url, timeout=600.0).ask("hi"))
            for gate in gates:
                await asyncio.sleep(36)
                gate.open()
            return str(await asked)

        assert run_hurried(ask(), 400) == "done"

    def test_a_reply_that_keeps_coming_for_an_hour_is_not_cut(self, endpoint: Endpoint) -> None:
        gates = [Gate() for _ in range(100)]
        endpoint.answers(*(step for gate in gates for step in ("word ", gate)), END)

        async def ask() -> int:
            words = 0
            async for _ in Chat(base_url=endpoint.url, timeout=3000.0).stream("hi"):
                await asyncio.sleep(36)
                gates[words].open()
                words += 1
            return words

        assert run_hurried(ask(), 1200) == len(gates)

    def test_a_reply_that_is_whole_waits_only_a_little_for_what_may_follow(self, endpoint: Endpoint) -> None:
        end = b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n'
        endpoint.answers("whole", end, Gate())

        async def ask() -> tuple[Reply, float]:
            clock = asyncio.get_running_loop().time
            started = clock()
            return await Chat(base_url=endpoint.url, timeout=3000.0).ask("hi"), clock() - started

        reply, seconds = run_hurried(ask(), 1200)
        assert (reply.text, reply.finish_reason, reply.partial) == ("whole", "stop", False)
        assert seconds < 300
        assert endpoint.requests[0].hung_up.wait(20)


_NO_DATES = ["Wed, 99 Foo 2015", "Mon, 01 Jan 99999 00:00:00 GMT", f"Mon, 01 Jan {'9' * 20} 00:00:00 GMT"]


class TestRetries:
    """When a request is repeated, and after how long."""

    @staticmethod
    def waits(endpoint: Endpoint, times: int) -> list[float]:
        """The seconds that are waited before each of so many repetitions, by a clock that runs fast."""
        told: list[float] = []

        async def ask() -> None:
            connection = Connection(endpoint.url, retries=times, on_wait=lambda _, seconds: told.append(seconds))
            loop = asyncio.get_running_loop()
            started = loop.time()
            await failure("", provider=OpenAICompatible.at(connection).create_async_generator)
            assert loop.time() - started >= sum(told)

        run_hurried(ask(), 200)
        assert len(endpoint.requests) == times + 1
        return told

    @pytest.mark.parametrize("seconds", ["0", "7", "120", "1.5"])
    def test_seconds_are_waited_as_asked(self, endpoint: Endpoint, seconds: str) -> None:
        endpoint.answers(status=429, headers=f"Retry-After: {seconds}\r\n")
        assert self.waits(endpoint, 2) == [float(seconds)] * 2

    def test_a_date_is_waited_for(self, endpoint: Endpoint) -> None:
        date = email.utils.formatdate(time.time() + 60, usegmt=True)
        endpoint.answers(status=503, headers=f"Retry-After: {date}\r\n")
        (wait,) = self.waits(endpoint, 1)
        assert 50 < wait <= 60

    def test_a_date_that_has_passed_is_no_wait(self, endpoint: Endpoint) -> None:
        endpoint.answers(status=503, headers="Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n")
        assert self.waits(endpoint, 1) == [0.0]

    @pytest.mark.parametrize("value", ["", "soon", "-5", "nan", "inf", "1e9", "0x10", "\u0665", "9" * 10, *_NO_DATES])
    def test_what_is_neither_is_not_obeyed(self, endpoint: Endpoint, value: str) -> None:
        endpoint.answers(status=503, headers=f"Retry-After: {value}\r\n")
        (wait,) = self.waits(endpoint, 1)
        assert 0.3 < wait < 0.7

    def test_without_a_word_the_waits_grow_and_differ(self, endpoint: Endpoint) -> None:
        endpoint.answers(status=500)
        told = [self.waits(endpoint, 3)]
        endpoint.requests.clear()
        told.append(self.waits(endpoint, 3))
        for waits in told:
            for attempt, wait in enumerate(waits):
                assert 0.75 <= wait / (0.5 * 2**attempt) <= 1.25
        assert told[0] != told[1]

    @pytest.mark.parametrize("seconds", ["121", "3600", "999999999"])
    async def test_a_longer_wait_is_left_to_the_user(self, endpoint: Endpoint, seconds: str) -> None:
        endpoint.answers(status=429, headers=f"Retry-After: {seconds}\r\n")
        error = await failure(endpoint.url, retries=2)
        assert f"wait {int(seconds):,} seconds" in str(error)
        assert len(endpoint.requests) == 1

    async def test_what_was_waited_for_long_enough_is_not_asked_again(self, endpoint: Endpoint) -> None:
        endpoint.answers_raw(Gate())
        asked = asyncio.ensure_future(failure(endpoint.url, timeout=60.0, retries=2))
        await asyncio.to_thread(endpoint.wait_for_request)
        put_forward(60)
        assert (await asked).kind == "timeout"
        assert len(endpoint.requests) == 1

    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 529])
    async def test_what_time_may_mend_is_asked_again(self, endpoint: Endpoint, status: int) -> None:
        endpoint.answers(status=status, headers="Retry-After: 0\r\n")
        endpoint.says("better now")
        assert (await Chat(base_url=endpoint.url).ask("hi")).text == "better now"

    def test_a_server_that_hangs_up_is_asked_again(self, endpoint: Endpoint) -> None:
        endpoint.answers_raw(HANG_UP)
        endpoint.answers_raw()
        endpoint.says("better now")
        assert run_hurried(Chat(base_url=endpoint.url).ask("hi"), 20).text == "better now"

    def test_a_server_that_is_not_there_yet_is_asked_again(self) -> None:
        told: list[str] = []
        with nobody_listens() as url:
            connection = Connection(url, retries=2, on_wait=lambda reason, _: told.append(reason))
            run_hurried(failure("", provider=OpenAICompatible.at(connection).create_async_generator))
        assert told == ["no connection"] * 2


def test_the_wait_counts_down_on_the_screen_and_an_interrupt_ends_it(kernel: Kernel, endpoint: Endpoint) -> None:
    endpoint.answers(b'{"error": "slow down"}', status=429, headers="Retry-After: 100\r\n")
    kernel.run("%load_ext ava_magic")
    cell = kernel.start(f"%ava --base-url {endpoint.url} hi")

    def counted() -> set[str]:
        return set(re.findall(r"slow down: asking again in (\d+) s", json.dumps([m["content"] for m in cell.messages])))

    kernel.collect(cell, lambda: len(counted()) > 1)
    assert counted() <= {str(seconds) for seconds in range(80, 101)}
    kernel.interrupt()
    kernel.finish(cell)
    assert (cell.status, cell.error) == ("error", "Stopped: the reply was stopped before its first word")
    assert len(endpoint.requests) == 1


class TestCertificates:
    """TLS, and what is wrong with it."""

    @pytest.fixture(scope="class")
    def authority(self) -> trustme.CA:
        return trustme.CA()

    @staticmethod
    def ask(url: str, authority: trustme.CA | None, folder: Path) -> str:
        """The reply, or the error, of a process that trusts ``authority``."""
        environment = dict(os.environ)
        if authority is not None:
            path = folder / "authority.pem"
            authority.cert_pem.write_to_path(str(path))
            environment["SSL_CERT_FILE"] = str(path)
        code = f"""
import asyncio
from ava_magic import AvaError, Chat

async def ask():
    try:
        print(await Chat(base_url={url!r}, retries=2, api_key="not-a-real-key").ask("hi"))
    except AvaError as error:
        print(error.kind, error)

asyncio.run(ask())
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment)
        assert not done.stderr
        return done.stdout.removesuffix("\n")

    @staticmethod
    def secure(certificate: trustme.LeafCert) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return context

    def test_an_authority_of_the_users_own_is_named_by_the_environment(
        self, authority: trustme.CA, tmp_path: Path
    ) -> None:
        with closing(Endpoint(tls=self.secure(authority.issue_cert("127.0.0.1")))) as endpoint:
            endpoint.says("sealed")
            assert self.ask(endpoint.url, authority, tmp_path) == "sealed"
            assert endpoint.requests[0].headers["authorization"] == "Bearer not-a-real-key"

    @pytest.mark.parametrize(
        ("names", "options", "trusted", "says"),
        [
            (["127.0.0.1"], {}, False, "not trusted here"),
            (["127.0.0.2"], {}, True, "for another address"),
            (["127.0.0.1"], {"not_after": datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)}, True, "has expired"),
        ],
        ids=["unknown authority", "wrong host", "expired"],
    )
    def test_a_certificate_that_is_no_good_is_told_by_what_is_wrong(
        self,
        authority: trustme.CA,
        tmp_path: Path,
        names: list[str],
        options: dict[str, Any],
        trusted: bool,
        says: str,
    ) -> None:
        if "not_after" in options:
            options |= {"not_before": datetime.datetime(2019, 1, 1, tzinfo=datetime.UTC)}
        with closing(Endpoint(tls=self.secure(authority.issue_cert(*names, **options)))) as endpoint:
            endpoint.says("never said")
            told = self.ask(endpoint.url, authority if trusted else None, tmp_path)
            assert told.startswith("connection ")
            assert says in told
            assert not endpoint.requests  # nothing was sent, and no key

    def test_a_name_that_is_another_is_told(self, authority: trustme.CA, tmp_path: Path) -> None:
        with closing(Endpoint(tls=self.secure(authority.issue_cert("other.example")))) as endpoint:
            endpoint.says("never said")
            told = self.ask(endpoint.url.replace("127.0.0.1", "localhost"), authority, tmp_path)
            assert "for another name" in told

    async def test_https_at_a_port_of_http(self) -> None:
        tries = 0

        async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal tries
            tries += 1
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")  # what it reads is no request
            writer.close()

        async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
            error = await failure(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", retries=2)
        assert error.kind == "connection"
        assert "is it http" in str(error)
        assert tries == 1, "time does not mend it"

    async def test_http_at_a_port_of_https(self, authority: trustme.CA) -> None:
        with closing(Endpoint(tls=self.secure(authority.issue_cert("127.0.0.1")))) as endpoint:
            endpoint.says("never said")
            error = await failure(endpoint.url.replace("https:", "http:"))
        assert error.kind in ("connection", "protocol")


class TestProxies:
    """The environment's proxies are used where a setting says so, and never on the way to this machine."""

    @pytest.fixture(autouse=True)
    def clean(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            monkeypatch.delenv(name)

    async def test_they_are_not_used_by_themselves(self, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
        endpoint.says("by proxy")
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{endpoint.port}")
        assert (await failure("http://ava.invalid/v1")).kind == "connection"
        assert not endpoint.requests

    @pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy"])
    @pytest.mark.parametrize("scheme", ["http://", ""])
    async def test_they_are_used_where_that_is_set(
        self, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, name: str, scheme: str
    ) -> None:
        endpoint.says("by proxy")
        monkeypatch.setenv(name, f"{scheme}127.0.0.1:{endpoint.port}")
        assert (await Chat(base_url="http://ava.invalid/v1", proxies=True).ask("hi")).text == "by proxy"
        assert endpoint.requests[0].path == "http://ava.invalid/v1/chat/completions"

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "ava.localhost"])
    async def test_this_machine_is_reached_without_them(
        self, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, host: str
    ) -> None:
        endpoint.says("here")
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        chat = Chat(base_url=f"http://{host}:{endpoint.port}/v1", api_key="not-a-real-key", proxies=True)
        assert (await chat.ask("hi")).text == "here"

    async def test_what_no_proxy_names_is_reached_without_them(
        self, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        endpoint.says("by proxy")
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{endpoint.port}")
        monkeypatch.setenv("no_proxy", "ava.invalid")
        await failure("http://ava.invalid/v1", proxies=True)
        assert not endpoint.requests

    async def test_a_proxy_never_sees_a_key(self, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
        """What goes through it in the open carries none; the rest goes through a tunnel."""
        endpoint.answers_raw(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")
        monkeypatch.setenv("https_proxy", f"http://name:pass-word@127.0.0.1:{endpoint.port}")
        error = await failure("https://ava.invalid/v1", proxies=True, api_key="not-a-real-key")
        assert error.kind == "connection"
        assert "407 Who are you" in str(error)
        assert "pass-word" not in f"{error!r} {vars(error)}"
        (request,) = endpoint.requests
        assert (request.method, request.path) == ("CONNECT", "ava.invalid:443")
        assert "proxy-authorization" in request.headers
        assert "authorization" not in request.headers
        assert b"not-a-real-key" not in request.body
        with pytest.raises(AvaError, match="plain http"):
            await Chat(base_url="http://ava.invalid/v1", proxies=True, api_key="not-a-real-key").ask("hi")

    async def test_a_proxy_that_is_not_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
        error = await failure("https://ava.invalid/v1", proxies=True)
        assert error.kind == "connection"
        assert "the proxy that the environment names cannot be reached" in str(error)

    @pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "http://[", "://", "http://"])
    async def test_a_proxy_that_cannot_be_used(self, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
        monkeypatch.setenv("https_proxy", proxy)
        error = await failure("https://ava.invalid/v1", proxies=True)
        assert error.kind == "config"
        assert "https_proxy" in str(error)

    async def test_a_proxy_whose_name_is_not_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("https_proxy", "http://proxy.invalid:3128")
        error = await failure("https://ava.invalid/v1", proxies=True)
        assert "no host proxy.invalid is known" in str(error)

    async def test_a_login_of_netrc_is_not_sent(
        self, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "netrc").write_text("default login somebody password something\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        endpoint.says("here")
        await Chat(base_url=endpoint.url, proxies=True).ask("hi")
        assert "authorization" not in endpoint.requests[0].headers
