"""What of a report is of the machine, and not of the error.  Pure."""

from __future__ import annotations

import re

__all__ = ["HEADING", "VERSIONS", "portable"]

HEADING = "This is the last error:"
"""A report begins with it."""

VERSIONS = "Versions: "
"""The last line of a report begins with it."""

_VERSIONS = re.compile(rf"(?m)^{VERSIONS}Python \d.*$")
_CARETS = re.compile(r"(?m)^ {4,}[ ~]*\^[\^~ ]*\n")  # Python 3.13 underlines more than 3.11 does


def portable(text: str) -> str:
    """``text`` with the report in it, if there is one, as it is under every Python: no versions, nothing underlined."""
    before, heading, report = text.partition(HEADING)
    return before + heading + _CARETS.sub("", _VERSIONS.sub(f"{VERSIONS}\u2026", report))
