"""What looks like a secret and is none, put together when the tests run: no file holds anything that looks like one."""

from __future__ import annotations

__all__ = ["HEX", "KINDS", "LETTERS", "SECRETS", "pem"]

LETTERS = "aB3dE5gH7jK9" * 10
HEX = "0123456789abcdef" * 5
SECRETS = {
    **{f"gh{kind}_" + LETTERS[:36]: "a GitHub token" for kind in "pousr"},
    "github" + "_pat_" + LETTERS[:22] + "_" + LETTERS[:59]: "a GitHub token",
    "glp" + "at-" + LETTERS[:20]: "a GitLab token",
    **{f"{kind}IA" + LETTERS[:16].upper(): "an AWS access key" for kind in ("AK", "AS")},
    'aws_secret_access_key" = "' + LETTERS[:40]: "an AWS secret key",
    "AWS_SECRET_ACCESS_KEY': '" + LETTERS[:39] + "/": "an AWS secret key",
    "sk-" + "ant-api03-" + LETTERS[:90]: "an Anthropic key",
    "sk-" + "proj-" + LETTERS[:40]: "an OpenAI key",
    "sk-" + LETTERS[:48]: "an API key",
    "sk-" + "or-v1-" + HEX[:64]: "an OpenRouter key",
    "AI" + "za" + LETTERS[:35]: "a Google API key",
    "GOC" + "SPX-" + LETTERS[:28]: "a Google client secret",
    "ya" + "29." + LETTERS[:60]: "a Google access token",
    "gs" + "k_" + LETTERS[:52]: "a Groq key",
    "xa" + "i-" + LETTERS[:80]: "an xAI key",
    "hf" + "_" + LETTERS[:34]: "a Hugging Face token",
    "r8" + "_" + LETTERS[:37]: "a Replicate token",
    "xo" + "xb-" + "1234567890-" + LETTERS[:24]: "a Slack token",
    "xa" + "pp-1-" + LETTERS[:40]: "a Slack token",
    "https://hooks.slack.com" + "/services/T0123/B0123/" + LETTERS[:24]: "a Slack webhook",
    "sk" + "_live_" + LETTERS[:24]: "a Stripe key",
    "rk" + "_test_" + LETTERS[:24]: "a Stripe key",
    "SG" + "." + LETTERS[:22] + "." + LETTERS[:43]: "a SendGrid key",
    "np" + "m_" + LETTERS[:36]: "an npm token",
    "py" + "pi-AgEIcHlwaS5vcmc" + LETTERS[:70]: "a PyPI token",
    "dckr" + "_pat_" + LETTERS[:27]: "a Docker token",
    "dop" + "_v1_" + HEX[:64]: "a DigitalOcean token",
    "da" + "pi" + HEX[:32]: "a Databricks token",
    "shp" + "at_" + HEX[:32]: "a Shopify token",
    "AGE-SECRET" + "-KEY-1" + LETTERS[:58].upper(): "an age key",
}
KINDS = ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED ", "DSA "]


def pem(kind: str, end: str = "\n", block: str = "") -> str:
    return end.join((f"-----BEGIN {kind}KEY{block}-----", LETTERS[:64], f"-----END {kind}KEY{block}-----"))
