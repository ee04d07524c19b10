"""What in a report is about the machine, and not about the error.  Pure."""

from __future__ import annotations

import re

__all__ = ["HEADING", "VERSIONS", "portable"]

HEADING = "This is the last error:"
"""A report begins with it."""

VERSIONS = "Versions: "
"""The last line of a report begins with it."""

_VERSIONS = re.compile(rf"(?m)^{VERSIONS}Python \d.*$")
_CARETS = re.compile(r"(?m)^ {4,}[ ~]*\^[\^~ ]*\n")  # Python 3.13 underlines more than 3.11 does
_CELL = re.compile(r"(?m), in <cell line: \d+>$")  # what some versions of IPython call <module>


def portable(text: str) -> str:
    """``text`` with the report in it, if there is one, as it is under every Python: no versions, nothing underlined,
    one name for a cell's own code."""
    before, heading, report = text.partition(HEADING)
    report = _CELL.sub(", in <module>", _VERSIONS.sub(f"{VERSIONS}\u2026", report))
    return before + heading + _CARETS.sub("", report)
