"""The environment variables that are read: one table of what each means, and one way to read them.

The variables that hold the presets' keys stand in the table of presets.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["VARIABLES", "from_home", "variable"]

VARIABLES = {
    "AVA_BASE_URL": "the endpoint, where none is named",
    "AVA_API_KEY": "the key for an endpoint without a preset, and for a preset whose own key is not set",
    "OPENAI_BASE_URL": "another address for the preset openai, to which its key goes",
    "AVA_RECORD": "the cassette, where record names none",
    "AVA_REPLAY": "1: replies come from the cassette; nothing is sent",
    "AVA_SERVER_KEY": "the key that the server of this package asks of its clients",
    "JPY_SESSION_NAME": "the notebook that --resume reads; Jupyter's server sets it",
    # By Python's urllib and ssl, and by what keeps secrets out of prompts.
    "https_proxy, http_proxy, all_proxy, no_proxy": "the proxies, where the setting proxies is True",
    "SSL_CERT_FILE, SSL_CERT_DIR": "certificates to trust; to be set before the kernel starts",
    "*_API_KEY, *_TOKEN": "secrets of yours: a prompt that holds the value of one is not sent",
}
"""What each variable means; a line may tell of several."""


def variable(name: str) -> str:
    """The value of the variable ``name`` without white space around it; ``""`` where it is not set."""
    return os.environ.get(name, "").strip()


def from_home(path: str | os.PathLike[str]) -> Path:
    """``path`` with ``~`` as the home directory; it is a part of a name that is nobody's, such as ``~$report.csv``."""
    return Path(os.path.expanduser(path))  # noqa: PTH111  # Path.expanduser raises there
