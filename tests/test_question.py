"""A question put together: its pieces, what it counts as, who gets images, and what it says of itself."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar

import aiohttp
import pytest
from IPython.core.interactiveshell import InteractiveShell

from ava_magic import AvaError, Chat, transport
from ava_magic.conversation.tokens import estimate_tokens
from ava_magic.prompt.fields import Insertion
from ava_magic.prompt.question import Question, compose, forbid_secrets
from ava_magic.values.content import LARGEST_PICTURE, Mixed, Picture, image_urls, mime_of, text_of
from ava_magic.values.displays import ShellDisplay

from .service import serving

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
MIXED = Mixed(["see ", Picture(PNG, "image/png", "<dot>"), " here"])
PARTS = MIXED.content(takes_images=True)


class Seeing:
    """A provider that says what it was sent."""

    takes_images: ClassVar[bool] = True

    @classmethod
    async def create_async_generator(cls, model: str, messages: list[Any], **kwargs: Any) -> AsyncIterator[str]:
        yield json.dumps([message["content"] for message in messages])


class Blind(Seeing):
    takes_images: ClassVar[bool] = False


def test_a_content_has_its_text_and_its_images() -> None:
    assert text_of("plain") == "plain"
    assert image_urls("plain") == []
    assert text_of(PARTS) == "see [image] here"
    assert image_urls(PARTS) == ["data:image/png;base64,iVBORw0KGgo="]
    assert MIXED.content(takes_images=False) == "see <dot> here"


def test_an_image_counts_by_what_it_costs_and_not_by_its_bytes() -> None:
    large = Mixed([Picture(PNG + bytes(1_000_000), "image/png", "")]).content(takes_images=True)
    assert estimate_tokens(large) == estimate_tokens("[image]") + 1_000


async def test_a_provider_that_takes_images_gets_them_and_another_gets_text() -> None:
    chat = Chat()
    seen = json.loads((await chat.ask(MIXED, provider=Seeing)).text)
    assert seen == [PARTS]
    assert json.loads((await chat.ask("and?", provider=Seeing)).text)[0] == PARTS
    heard = json.loads((await chat.ask(MIXED, provider=Blind)).text)
    assert heard[::2] == ["see [image] here", "and?", "see <dot> here"]
    assert json.loads((await chat.ask(PARTS, provider=Blind, history=False)).text) == ["see [image] here"]


@pytest.mark.parametrize(("provider", "content"), [(Seeing, PARTS), (Blind, "see [image] here")])
async def test_a_server_passes_images_on_to_a_provider_that_takes_them(provider: type, content: Any) -> None:
    async with serving(provider) as url, aiohttp.ClientSession() as session:
        body = {"messages": [{"role": "user", "content": PARTS}]}
        async with session.post(f"{url}/v1/chat/completions", json=body) as response:
            answer = await response.json()
    await transport.close()
    assert json.loads(answer["choices"][0]["message"]["content"]) == [content]


@pytest.mark.parametrize(("data", "mime"), [(PNG, "image/png"), (JPEG, "image/jpeg"), (b"text", ""), (b"", "")])
def test_an_image_is_known_by_its_first_bytes(data: bytes, mime: str) -> None:
    assert mime_of(data) == mime


class Photograph:
    """As PIL's: an image in two forms."""

    def __init__(self, png: Any, jpeg: Any) -> None:
        self._repr_png_ = lambda: png
        self._repr_jpeg_ = lambda: jpeg

    def __repr__(self) -> str:
        return "<photograph>"


LARGE = PNG + bytes(LARGEST_PICTURE)


@pytest.mark.parametrize(
    ("png", "jpeg", "data"),
    [
        (PNG, JPEG, PNG),
        (LARGE, JPEG, JPEG),
        (LARGE, None, LARGE),
        (None, JPEG, JPEG),
        ((PNG, {"width": 3}), None, PNG),
        ("iVBORw0KGgo=", None, PNG),
        ("not base64", None, None),
        (b"not an image", None, None),
        (None, None, None),
        (7, (), None),
    ],
)
def test_an_image_is_taken_in_the_form_that_can_go(png: Any, jpeg: Any, data: bytes | None) -> None:
    picture = ShellDisplay(InteractiveShell.instance()).picture(Photograph(png, jpeg))
    assert (picture and picture.data) == data
    if picture:
        assert picture.text == "<photograph>"


def test_an_image_that_is_too_large_is_refused() -> None:
    namespace = {"photo": Photograph(LARGE, None)}
    words = "{photo} is too large an image to send: 3,750,008 bytes, of 3,750,000 at most"
    with pytest.raises(AvaError, match=re.escape(words)):
        compose("{photo}", namespace, ShellDisplay(InteractiveShell.instance()))


def test_a_secret_that_a_value_completes_is_found_in_the_whole() -> None:
    question = compose("secret-{x}", {"x": "of-the-house"}, ShellDisplay(InteractiveShell.instance()))
    with pytest.raises(AvaError, match="the prompt holds the value of X_TOKEN"):
        forbid_secrets(question, {}, {"X_TOKEN": "secret-of-the-house"})


@pytest.mark.parametrize(
    ("typed", "others", "place"),
    [
        ("{good} {bad} {worse}", {}, "{bad}"),
        ("{good} secret-of-the-house {bad}", {}, "{bad}"),
        ("secret-of-the-house {good}", {}, "the prompt"),
        ("{good}", {"the system message": "it is secret-of-the-house"}, "the system message"),
        ("{bad}", {"the system message": "it is secret-of-the-house"}, "{bad}"),
    ],
)
def test_what_holds_a_secret_is_named(typed: str, others: dict[str, str], place: str) -> None:
    values = {"good": "harmless", "bad": "the secret-of-the-house", "worse": "secret-of-the-house"}
    question = compose(typed, values, ShellDisplay(InteractiveShell.instance()))
    with pytest.raises(AvaError) as caught:
        forbid_secrets(question, others, {"X_TOKEN": "secret-of-the-house"})
    assert str(caught.value).startswith(f"{place} holds the value of X_TOKEN, so nothing was sent;")
    assert caught.value.kind == "config"


def test_what_was_said_of_a_prompt_is_said_of_it_with_its_files(tmp_path: Path) -> None:
    (tmp_path / "n.txt").write_text("x")
    question = compose("{resutl}", {"result": 1}, ShellDisplay(InteractiveShell.instance()), [str(tmp_path / "n.txt")])
    assert question.about(takes_images=True).splitlines() == [
        f"[went in: {tmp_path / 'n.txt'} {len(question.inserted[0].piece):,} characters]",
        "[{resutl} stays as typed: did you mean {result}?]",
    ]


def test_a_place_that_would_tell_the_secret_is_not_named() -> None:
    secret = "secret-of-the-house"
    question = compose(f"{{x['{secret}']}}", {"x": {secret: secret}}, ShellDisplay(InteractiveShell.instance()))
    with pytest.raises(AvaError) as caught:
        forbid_secrets(question, {}, {"X_TOKEN": secret})
    assert secret not in str(caught.value)


def test_a_question_into_which_nothing_went_says_nothing() -> None:
    assert Question(["text"]).about(takes_images=True) == ""


def test_what_went_in_is_told_with_its_size_and_from_the_ninth_on_in_one_sum() -> None:
    question = Question([], [Insertion(f"{{x{n}}}", "." * 1_500 * n) for n in range(1, 8)], ["a note", "another"])
    told = ", ".join(f"{{x{n}}} {1_500 * n:,} characters" for n in range(1, 8))
    assert question.about(takes_images=True) == f"[went in: {told}]\n[a note; another]"
    assert question.adding("y", "12").about(takes_images=True).endswith(", y 2 characters]\n[a note; another]")
    more = question.adding("y", "12").adding("z", "123").adding("error", "1" * 1_000)
    assert ", y 2 characters, and 2 more of 1,003 characters]" in more.about(takes_images=True)
    assert more.pieces == ["\n\n", "12", "\n\n", "123", "\n\n", "1" * 1_000]


def test_an_image_is_told_with_its_size_and_whether_it_goes() -> None:
    question = Question([], [Insertion("{photo}", Picture(bytes(1_200_000), "image/png", "<a photo>"))])
    assert question.about(takes_images=True) == "[went in: {photo} an image of 1,200 kB]"
    assert question.about(takes_images=False).startswith("[went in: {photo} an image of 1,200 kB that does not go")


class Bundle:
    """A value that gives all its forms at once."""

    def __init__(self, *forms: Any) -> None:
        self.forms = forms

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return self.forms if len(self.forms) > 1 else self.forms[0]


class DisplaysItself(Bundle):
    def _ipython_display_(self) -> None:
        raise AssertionError("a prompt is no place to display anything")


class BothWays(Bundle):
    def _repr_markdown_(self) -> str:
        return "*by its method*"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (Bundle({"text/plain": "plain", "text/html": "<b>"}), "plain"),
        (Bundle({"text/plain": "plain", "text/markdown": "*words*"}), "*words*"),
        (Bundle({"text/plain": "plain"}, {"text/plain": {}}), "plain"),
        (BothWays({"text/markdown": "*words*"}), "*words*"),
        (BothWays({"text/plain": "plain"}), "*by its method*"),
        (Bundle({"text/html": "<b>"}), "<tests.test_question.Bundle at "),
        (Bundle(None), "<tests.test_question.Bundle at "),
        (Bundle({"text/plain": 7}), "<tests.test_question.Bundle at "),
        (DisplaysItself({"text/plain": "plain"}), "<tests.test_question.DisplaysItself at "),
    ],
)
def test_a_value_that_gives_all_its_forms_at_once_is_told_by_them(value: Any, told: str) -> None:
    display = ShellDisplay(InteractiveShell.instance())
    question = compose("{x}", {"x": value}, display)
    assert str(question.content(takes_images=True)).startswith(told)


def test_a_picture_among_all_the_forms_of_a_value_goes_as_one() -> None:
    display = ShellDisplay(InteractiveShell.instance())
    value = Bundle({"text/plain": "a cat", "image/png": base64.b64encode(PNG).decode()})
    assert display.picture(value) == Picture(PNG, "image/png", "a cat")


def test_what_the_user_registered_for_a_type_comes_before_its_own_forms() -> None:
    shell: Any = InteractiveShell.instance()
    formatter = shell.display_formatter.formatters["text/plain"]
    formatter.for_type(Bundle, lambda value, printer, cycle: printer.text("as registered"))
    try:
        assert ShellDisplay(shell).text(Bundle({"text/plain": "plain"})) == "as registered"
    finally:
        formatter.pop(Bundle)


def test_of_a_long_path_the_end_is_told(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 25)
    folder.mkdir()
    (folder / "notes.txt").write_text("hi", "utf-8")
    told = compose("what?", None, ShellDisplay(InteractiveShell()), [str(folder / "notes.txt")]).about(
        takes_images=True
    )
    assert re.fullmatch(r"\[went in: …[^,]{69}/notes\.txt 33 characters]", told), told
