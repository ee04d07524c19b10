"""Every setting, made as a user makes it, reaches the request or the screen."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from .endpoint import Endpoint, Gate
from .kernel import HTML, WIDGET, Kernel
from .terminal import Terminal


def _set(kernel: Kernel, name: str, value: object) -> None:
    cell = kernel.run(f"%config AvaMagics.{name} = {value!r}")
    assert cell.status == "ok"
    assert not cell.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [("model", "small"), ("temperature", 0.25), ("temperature", 0.0), ("max_tokens", 7)],
)
def test_a_setting_is_a_field_of_the_request(asked: Kernel, endpoint: Endpoint, name: str, value: object) -> None:
    endpoint.says("ok")
    asked.run("%ava -n before")
    _set(asked, name, value)
    asked.run("%ava -n after")
    before, after = (request.json for request in endpoint.requests)
    assert before.get(name) != value
    assert after[name] == value


def test_the_system_message_is_sent_first_and_an_option_outdoes_it(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("ok")
    _set(asked, "system", "be brief")
    asked.run("%ava one")
    asked.run("%ava -n -s 'be long' two")
    assert endpoint.requests[0].messages == [("system", "be brief"), ("user", "one")]
    assert endpoint.requests[1].messages == [("system", "be long"), ("user", "two")]


def test_the_provider_decides_who_answers_and_how_it_is_asked(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("ok")
    _set(asked, "provider", "codelink-ava")
    asked.run("%ava hi")
    assert endpoint.requests[0].path.endswith("/api/chat")
    assert asked.value("_.provider") == "'codelink-ava'"
    _set(asked, "base_url", "")
    _set(asked, "provider", "guide")
    asked.run("%ava hi")
    assert asked.value("_.provider") == "'guide'"
    assert len(endpoint.requests) == 1


def test_what_does_not_fit_context_tokens_is_left_out_and_the_user_told(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("ok " * 200)
    for number, note in enumerate(["", "", "2 earlier turns left out"]):
        if number == 2:
            _set(asked, "context_tokens", 50)
        [output] = asked.run(f"%ava question {number}").outputs
        assert ("left out" in output["data"][HTML]) == bool(note)
        assert note in output["data"][HTML]
        assert note in output["data"]["text/plain"]
    assert [len(request.messages) for request in endpoint.requests] == [1, 3, 1]
    asked.run("%ava --reset")
    asked.run("%ava once more")
    [output] = asked.run("%ava and again").outputs
    assert "1 earlier turn left out" in output["data"][HTML]


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_retries_bound_how_often_it_is_asked(asked: Kernel, endpoint: Endpoint, retries: int) -> None:
    endpoint.answers(status=503, headers="Retry-After: 0\r\n")
    _set(asked, "retries", retries)
    assert len(asked.run("%ava hi").error.splitlines()) == 1
    assert len(endpoint.requests) == 1 + retries


def test_timeout_ends_a_reply_that_fell_silent(asked: Kernel, endpoint: Endpoint) -> None:
    endpoint.says("half", Gate())
    _set(asked, "timeout", 0.2)
    cell = asked.run("%ava hi")
    assert endpoint.requests[0].hung_up.wait(20)
    assert "nothing came for too long" in cell.error
    assert len(cell.error.splitlines()) == 1
    assert "half" in cell.outputs[0]["data"][HTML]


@pytest.mark.parametrize("attended", [True, False])
@pytest.mark.parametrize(
    ("display", "has_widgets", "has_html"),
    [
        ("auto", (False, True), True),
        ("widget", (True, True), True),
        ("html", (False, False), True),
        ("text", (False, False), False),
    ],
)
def test_display_decides_how_a_reply_streams(
    asked: Kernel, endpoint: Endpoint, display: str, has_widgets: tuple[bool, bool], has_html: bool, attended: bool
) -> None:
    gate = Gate()
    endpoint.says("**first**, ", gate, "last")
    _set(asked, "display", display)
    cell = asked.start("%ava hi", allow_stdin=attended)
    asked.collect(
        cell,
        lambda: (
            any("first" in html for html in cell.painted)
            or any("first" in str(content["data"]) for content in cell.of_type("update_display_data"))
        ),
    )
    [content] = cell.of_type("display_data")
    assert (WIDGET in content["data"]) is has_widgets[attended]
    assert bool(cell.of_type("comm_open")) is has_widgets[attended]
    streamed = cell.painted + [c["data"].get(HTML, "") for c in cell.of_type("update_display_data")]
    assert any("<strong>first</strong>" in html for html in streamed) is has_html
    gate.open()
    asked.finish(cell)
    assert "first**, last" in cell.outputs[0]["data"]["text/plain"]


_TELL_WISHES = """
from ava_magic.views import notebook
def tell(paint):
    def telling(view):
        wanted = paint(view)
        print(f"<{wanted:.4f}>")
        return wanted
    return telling
own = notebook.WidgetView.paint
notebook.WidgetView.paint = tell(own)
"""


@pytest.mark.parametrize(("frame_rate", "apart"), [(2.0, 0.5), (0.1, 10.0)])
def test_frame_rate_decides_how_far_frames_are_apart(
    asked: Kernel, endpoint: Endpoint, frame_rate: float, apart: float
) -> None:
    """How soon the view wants the next frame is what the clock goes by."""
    gate = Gate()
    endpoint.says("first", gate, " last")
    assert asked.run(_TELL_WISHES).status == "ok"
    _set(asked, "frame_rate", frame_rate)
    cell = asked.start("%ava hi")
    asked.collect(cell, lambda: "first" in "".join(cell.painted) and f"<{apart:.4f}>" in cell.stdout)
    gate.open()
    asked.finish(cell)
    asked.run("notebook.WidgetView.paint = own")
    assert cell.status == "ok"


@pytest.mark.parametrize("proxies", [False, True])
def test_proxies_of_the_environment_are_asked_where_the_setting_says_so(
    asked: Kernel, endpoint: Endpoint, proxies: bool
) -> None:
    endpoint.says("by proxy")
    names = [name for name in os.environ if name.lower().endswith("_proxy")]
    asked.run(
        f"import os\nsaved = {{name: os.environ.pop(name) for name in {names}}}\n"
        f"os.environ['http_proxy'] = 'http://127.0.0.1:{endpoint.port}'"
    )
    _set(asked, "base_url", "http://ava.invalid/v1")
    _set(asked, "retries", 0)
    _set(asked, "proxies", proxies)
    cell = asked.run("%ava hi")
    asked.run("del os.environ['http_proxy']\nos.environ.update(saved)")
    if proxies:
        assert [request.path for request in endpoint.requests] == ["http://ava.invalid/v1/chat/completions"]
        assert "by proxy" in cell.outputs[0]["data"][HTML]
    else:
        assert not endpoint.requests
        assert len(cell.error.splitlines()) == 1


@pytest.fixture
def profile(tmp_path: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Path:
    """IPython's folder, with a profile that loads the extension and says whom to ask and how."""
    folder = tmp_path / "profile_default"
    folder.mkdir()
    (folder / "ipython_config.py").write_text(
        'c.InteractiveShellApp.extensions = ["ava_magic"]\n'
        f"c.AvaMagics.base_url = {endpoint.url!r}\n"
        'c.AvaMagics.model = "of-the-profile"\nc.AvaMagics.system = "be brief"\nc.AvaMagics.max_tokens = 7\n'
    )
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def kernel_with_profile(profile: Path) -> Iterator[Kernel]:
    kernel = Kernel()
    yield kernel
    kernel.shutdown()


@pytest.fixture
def terminal_with_profile(profile: Path) -> Iterator[Terminal]:
    terminal = Terminal(profile)
    yield terminal
    terminal.close()


def _is_as_the_profile_says(endpoint: Endpoint) -> bool:
    [request] = endpoint.requests
    assert request.messages == [("system", "be brief"), ("user", "hi")]
    return (request.json["model"], request.json["max_tokens"]) == ("of-the-profile", 7)


def test_the_profile_of_a_kernel_sets_them(endpoint: Endpoint, kernel_with_profile: Kernel) -> None:
    endpoint.says("ok")
    cell = kernel_with_profile.run("%ava hi")
    assert cell.status == "ok", cell.error
    assert _is_as_the_profile_says(endpoint)
    assert "of-the-profile" in kernel_with_profile.run("%ava").shown


def test_the_profile_of_a_terminal_sets_them(endpoint: Endpoint, terminal_with_profile: Terminal) -> None:
    endpoint.says("ok")
    assert "scripted" in terminal_with_profile.run("%ava hi", 2)
    assert _is_as_the_profile_says(endpoint)


def test_a_setting_of_the_configuration_that_cannot_be_is_told_in_one_line(fresh_kernel: Kernel) -> None:
    fresh_kernel.run("get_ipython().config.AvaMagics.temperature = 'hot'")
    cell = fresh_kernel.run("%load_ext ava_magic")
    assert cell.error.startswith("AvaError (config): ava_magic cannot be loaded: The 'temperature' trait")
    assert cell.error.endswith("not the str 'hot'; mend that in ipython_config.py, and start again")
    fresh_kernel.run("get_ipython().config.AvaMagics.temperature = 0.5")
    assert fresh_kernel.run("%load_ext ava_magic").status == "ok"
