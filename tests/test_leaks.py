"""What a prompt must not carry: each kind of secret is found, and what only looks a little like one is not."""

from __future__ import annotations

import json
import linecache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell

from ava_magic.error_report.cells import Cells
from ava_magic.error_report.words import error_words
from ava_magic.prompt.leaks import carried_secret
from ava_magic.values.describe import BUDGET, describe
from ava_magic.values.displays import ShellDisplay

from .forged import HEX, KINDS, LETTERS, SECRETS, pem


@pytest.mark.parametrize("secret", SECRETS, ids=lambda secret: SECRETS[secret])
@pytest.mark.parametrize("around", ["{}", "token={}&x", '"{}"', "a line\n{}\nanother", "'key': '\\n{}\\n'", "({})."])
def test_a_token_is_known_by_its_form(secret: str, around: str) -> None:
    what = carried_secret(around.format(secret), {})
    assert what == SECRETS[secret]
    assert secret[-12:] not in what


@pytest.mark.parametrize("secret", SECRETS, ids=lambda secret: SECRETS[secret])
def test_the_beginning_of_a_token_is_none(secret: str) -> None:
    assert carried_secret(f"tokens begin with {secret[:11]}... or with {secret[:7]}", {}) is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\\n", " \n"])
def test_a_private_key_is_found(kind: str, end: str) -> None:
    assert carried_secret(f"my key is\n{pem(f'{kind}PRIVATE ', end)}", {}) == "a private key"


def test_a_private_key_is_found_in_its_other_forms() -> None:
    assert carried_secret(pem("PGP PRIVATE ", block=" BLOCK"), {}) == "a private key"
    assert carried_secret(pem("RSA PRIVATE ", end=" "), {}) == "a private key"  # its lines joined, as in a variable
    assert carried_secret(f'{{"private_key": "x\\n{pem("PRIVATE ", chr(92) + "n")}"}}', {}) == "a private key"


@pytest.mark.parametrize(
    "text",
    [
        pem("PUBLIC "),
        pem("RSA PUBLIC "),
        pem("PGP PUBLIC ", block=" BLOCK"),
        pem("PUBLIC ").replace("PUBLIC KEY", "CERTIFICATE"),
        "ssh-ed25519 " + LETTERS + " somebody@host",
        "what does -----BEGIN PRIVATE KEY----- mean?",
        "pk" + "_live_" + LETTERS[:24],
        "AR" + "OA" + LETTERS[:16].upper(),
        "a commit: " + HEX[:40],
        "a digest: sha256:" + HEX[:64],
        "task-" + LETTERS[:40],
        "disk-" + LETTERS[:48],
        "the_sk-" + "word-and-another-word-and-yet-another-one",
        "MAK" + "IA" + LETTERS[:16].upper(),
        "AK" + "IA" + LETTERS[:30].upper(),
        "high_through_and_glad-hearted things",
        "aws_secret_access_key = os.environ['AWS_SECRET_ACCESS_KEY']",
    ],
)
def test_what_is_public_or_no_key_at_all_is_no_secret(text: str) -> None:
    assert carried_secret(text, {}) is None


@given(st.text())
def test_text_is_no_secret(text: str) -> None:
    assert carried_secret(text, {"X_API_KEY": "a" * 60}) is None or "a" * 60 in text


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "AVA_API_KEY", "API_KEY", "HF_TOKEN", "TOKEN"])
@pytest.mark.parametrize("value", ["sk-0123456789", " sk-0123456789\n"])
def test_the_value_of_a_key_of_the_environment_is_found(name: str, value: str) -> None:
    environ = {"HOME": "/home/somebody", name: value}
    assert carried_secret("why does sk-0123456789 not work?", environ) == f"the value of {name}"
    assert carried_secret("why does sk-012345678 not work?", environ) is None


@pytest.mark.parametrize(
    "environ",
    [
        {"HOME": "sk-0123456789"},
        {"TOKENIZERS_PARALLELISM": "sk-0123456789"},
        {"MONKEY": "sk-0123456789"},
        {"NOTOKEN": "sk-0123456789"},
        {"X_API_KEY": "sk-01234567"},
        {"X_API_KEY": ""},
        {},
    ],
)
def test_what_is_no_key_or_too_short_for_one_is_no_secret(environ: dict[str, str]) -> None:
    assert carried_secret("sk-0123456789", environ) is None


LONG = "-".join(["some", "long", LETTERS, HEX[:40]])
AWKWARD = 'it\'s "a\\b|c\nd é" of the house'


def described(value: Any) -> str:
    told = describe(value, ShellDisplay(InteractiveShell.instance()))
    assert isinstance(told, str)
    return told


@pytest.mark.parametrize("secret", [LONG, AWKWARD, AWKWARD.replace("'", ""), AWKWARD.replace('"', "")])
def test_a_secret_is_found_as_a_value_is_told(secret: str) -> None:
    pandas = pytest.importorskip("pandas")
    texts = {
        "list": described([secret]),
        "a string of both quotes": described([f"\"'{secret}"]),
        "table": described(pandas.DataFrame({"t": [secret]})),
        "table of lists": described(pandas.DataFrame({"t": [[secret]]})),
        "column": described(pandas.DataFrame({secret: [1]})),
        "series": described(pandas.Series([secret, secret])),
        "json": json.dumps({"a": secret}),
        "json of all characters": json.dumps({"a": secret}, ensure_ascii=False),
        "cut in it": described("x" * (BUDGET // 2 - len(secret) + 5) + secret + "y" * BUDGET),
        "cut before its end": described("x" * BUDGET + secret + "y" * (BUDGET // 2 - len(secret) + 5)),
        "error": error_words(ValueError(f"{'x' * 4000}{secret}")),
    }
    assert {name for name, text in texts.items() if not carried_secret(text, {"X_TOKEN": secret})} == set()


def test_a_long_line_of_a_cell_in_an_error_holds_no_part_of_a_secret() -> None:
    line = f"x = '{'x' * 230}{LONG}'"
    shown = Cells(["", line], ["", line]).sources([("<ipython-input-1-a>", 1)])
    assert shown == ["a cell:"]
    linecache.cache["<ipython-input-1-a>"] = (len(line), None, [line], "")
    (told,) = Cells(["", line], ["", line]).sources([("<ipython-input-1-a>", 1)])
    del linecache.cache["<ipython-input-1-a>"]
    assert LONG not in told
    assert carried_secret(told, {"X_TOKEN": LONG}) == "the value of X_TOKEN"


@pytest.mark.parametrize(
    "text",
    [
        f"{LONG[:25]}…",  # less than a quarter
        f"{LONG[:60]} …",
        f"{LONG[:60]} and nothing was cut",
        f"… {LONG[-60:]}",
        "some-long-word…",
    ],
)
def test_a_small_part_of_a_secret_or_one_that_nothing_cut_is_none(text: str) -> None:
    assert carried_secret(text, {"X_TOKEN": LONG}) is None
    assert carried_secret("some-long-…", {"X_TOKEN": "some-long-word-"}) is None
