"""What a prompt must not carry by accident: keys of the environment, private keys, tokens of well-known services.

Each service documents what its tokens begin with, so that they can be found where they do not belong; GitHub's page on
its secret scanning lists most of them
(https://docs.github.com/en/code-security/secret-scanning/introduction/supported-secret-scanning-patterns).
What may be public is not among them: public keys and certificates, or Stripe's ``pk_`` keys.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ..values.tables import one_cell

__all__ = ["carried_secret", "secrets_of"]

_SECRET_NAME = re.compile(r"(?:^|_)(?:API_KEY|TOKEN)$")
_SHORTEST_SECRET = 12  # characters; what is shorter may well be a word of the text
_LEAST_SHARE = 4  # a fourth of a secret, or more, is one
_CUT = re.compile(r"…|\n?\[\.\.\. [\d,]+ characters left out \.\.\.\]\n?")  # where a value in a prompt goes on, or did


class _Format(NamedTuple):
    """A kind of secret: what it is called, a text that none is without, and its pattern.

    To look for a text is several times as fast as to look for a pattern.
    """

    what: str
    holds: str
    pattern: str


_FORMATS = (
    _Format("a GitHub token", "gh", r"gh[pousr]_[A-Za-z0-9]{36}"),
    _Format("a GitHub token", "github_pat_", r"github_pat_\w{50}"),
    _Format("a GitLab token", "gl", r"gl(?:pat|dt|rt|ptt|cbt|soat|ft|agent)-[\w-]{20}"),
    *(_Format("an AWS access key", name, rf"{name}[A-Z0-9]{{16}}(?!\w)") for name in ("AKIA", "ASIA", "ABIA", "ACCA")),
    _Format("an Anthropic key", "sk-ant-", r"sk-ant-[\w-]{20}"),
    _Format("an OpenRouter key", "sk-or-", r"sk-or-v1-[0-9a-f]{32}"),
    _Format("an OpenAI key", "sk-", r"sk-(?:proj|svcacct|admin|None)-[\w-]{20}"),
    _Format("an API key", "sk-", r"sk-[A-Za-z0-9]{32}"),  # OpenAI's first ones, DeepSeek's and others'
    _Format("a Google API key", "AIza", r"AIza[\w-]{35}"),
    _Format("a Google client secret", "GOCSPX-", r"GOCSPX-[\w-]{28}"),
    _Format("a Google access token", "ya29.", r"ya29\.[\w-]{20}"),
    _Format("a Groq key", "gsk_", r"gsk_[A-Za-z0-9]{48}"),
    _Format("an xAI key", "xai-", r"xai-[A-Za-z0-9]{70}"),
    _Format("a Hugging Face token", "hf_", r"hf_[A-Za-z0-9]{34}"),
    _Format("a Replicate token", "r8_", r"r8_[A-Za-z0-9]{37}"),
    _Format("a Slack token", "xox", r"xox[abeoprs][.-][\w.-]{20}"),
    _Format("a Slack token", "xapp-", r"xapp-[\w-]{20}"),
    _Format("a Slack webhook", "hooks.slack.com", r"hooks\.slack\.com/services/T\w+/B\w+/\w{20}"),
    _Format("a Stripe key", "sk_", r"sk_(?:live|test)_[A-Za-z0-9]{16}"),
    _Format("a Stripe key", "rk_", r"rk_(?:live|test)_[A-Za-z0-9]{16}"),
    _Format("a SendGrid key", "SG.", r"SG\.[\w-]{22}\.[\w-]{43}"),
    _Format("an npm token", "npm_", r"npm_[A-Za-z0-9]{36}"),
    _Format("a PyPI token", "pypi-", r"pypi-AgE[\w-]{50}"),
    _Format("a Docker token", "dckr_", r"dckr_[op]at_[\w-]{27}"),
    _Format("a DigitalOcean token", "_v1_", r"do[opr]_v1_[0-9a-f]{64}"),
    _Format("a Databricks token", "dapi", r"dapi[0-9a-f]{32}"),
    _Format("a Shopify token", "shp", r"shp(?:at|ca|pa|ss)_[0-9A-Fa-f]{32}"),
    _Format("an age key", "AGE-SECRET-KEY-", r"AGE-SECRET-KEY-1[A-Z0-9]{58}"),
    # RFC 7468's form, or OpenPGP's; in a JSON string its line breaks are written as \n.
    _Format(
        "a private key",
        "PRIVATE KEY",
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
        r"(?:[ \t]*(?:\r?\n|\\r\\n|\\n)\s*\S|\s+[A-Za-z0-9+/=]{16})",
    ),
    # AWS's secret key begins with nothing of its own; it is known by its name before it.
    *(
        _Format("an AWS secret key", name, rf"{name}[\"']?\s*[:=]+\s*[\"']?[A-Za-z0-9/+]{{40}}(?![A-Za-z0-9/+])")
        for name in ("aws_secret_access_key", "AWS_SECRET_ACCESS_KEY", "SecretAccessKey")
    ),
)
# Where a secret begins: at the beginning of a word, or after a line break as Python and JSON write it in a string.
_BEGINNING = re.compile(r"(?<![A-Za-z0-9])|(?<=\\[nrt])")
_PATTERNS = [(form.holds, re.compile(form.pattern), form.what) for form in _FORMATS]


def secrets_of(environ: Mapping[str, str]) -> dict[str, str]:
    """The secrets of ``environ`` by their variables: the values, of 12 characters or more, of those named ``*_API_KEY``
    or ``*_TOKEN``."""
    values = {name: value.strip() for name, value in environ.items() if _SECRET_NAME.search(name)}
    return {name: value for name, value in values.items() if len(value) >= _SHORTEST_SECRET}


def carried_secret(text: str, environ: Mapping[str, str]) -> str | None:
    """What secret stands in ``text``, in words that do not hold it; ``None`` where there is none.

    These are those of ``environ``, private keys, and tokens that are known by their form.  One of ``environ`` is known
    as well as a string, a table or JSON writes it, and by a good part of it where it is cut off.
    """
    for name, secret in secrets_of(environ).items():
        if any(form in text or _is_cut_off(form, text) for form in _forms(secret)):
            return f"the value of {name}"
    for holds, pattern, what in _PATTERNS:
        if holds in text and any(_BEGINNING.match(text, found.start()) for found in pattern.finditer(text)):
            return what
    return None


def _forms(secret: str) -> set[str]:
    """A secret as it is, and as it is written in a Python string, in a JSON string, and in a cell of a table."""
    both_quotes = "'\""  # in a string that holds both, one of them is escaped
    forms = {
        secret,
        repr(secret)[1:-1],
        repr(both_quotes + secret)[len(repr(both_quotes)) - 1 : -1],
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
    }
    return forms | {one_cell(form) for form in forms}


def _is_cut_off(secret: str, text: str) -> bool:
    """Whether ``text`` has a good part of ``secret`` right before a place where something was cut off, or behind it."""
    least = max(_SHORTEST_SECRET, -(-len(secret) // _LEAST_SHARE))
    head, tail = secret[:least], secret[-least:]
    if head not in text and tail not in text:
        return False
    for cut in _CUT.finditer(text):
        before = text[max(0, cut.start() - len(secret)) : cut.start()]
        behind = text[cut.end() : cut.end() + len(secret)]
        if any(secret.startswith(before[place:]) for place in _places(head, before)):
            return True
        if any(secret.endswith(behind[: place + least]) for place in _places(tail, behind)):
            return True
    return False


def _places(part: str, text: str) -> Iterator[int]:
    place = text.find(part)
    while place >= 0:
        yield place
        place = text.find(part, place + 1)
