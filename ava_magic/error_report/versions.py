"""The versions of installed packages, by the names under which they are imported."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Iterator

__all__ = ["versions_of"]


def versions_of(modules: Iterable[str]) -> Iterator[str]:
    """``"numpy 2.1.0"`` for each of the top-level ``modules`` that is of an installed package; nothing is imported."""
    homes: dict[str, list[str]] | None = None
    for module in modules:
        try:
            yield f"{module} {importlib.metadata.version(module)}"
        except (importlib.metadata.PackageNotFoundError, ValueError):
            if homes is None:  # all that is installed is read for this: only where the names differ (PIL, sklearn)
                homes = dict(importlib.metadata.packages_distributions())
            for package in homes.get(module, ())[:1]:
                yield f"{package} {importlib.metadata.version(package)}"
