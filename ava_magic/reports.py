"""The commands that take their time: ``--check`` and ``--models`` stream what they find, as a reply does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from .arguments import Arguments

if TYPE_CHECKING:
    from .providers.shape import Ask
    from .turn import Turn

__all__ = ["REPORTS"]


def check(turn: Turn, arguments: Arguments) -> Ask:
    """Reach the endpoint step by step."""
    from .check import check  # the reports load aiohttp

    return check(turn.endpoint, through_proxy=turn.settings.proxies)


def models(turn: Turn, arguments: Arguments) -> Ask:
    """List the endpoint's models."""
    from .models import list_models

    return list_models(turn.endpoint, arguments.options["models"])


REPORTS: Mapping[str, Callable[[Turn, Arguments], Ask]] = {"check": check, "models": models}
"""By the key of the command's option: what answers a question about the endpoint of a turn."""
