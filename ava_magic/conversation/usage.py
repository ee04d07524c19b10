"""What was spent: tokens by model and conversation, whatever became of the turns afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from ..controls import counted
from .listing import Listing

__all__ = ["Spending", "Spent"]


@dataclass(slots=True)
class Spent:
    """Turns, and the tokens that were sent and received for them; ``estimated``: not all were reported."""

    turns: int = 0
    sent: int = 0
    received: int = 0
    estimated: bool = False

    def add(self, other: Spent) -> None:
        """Count ``other`` in."""
        self.turns += other.turns
        self.sent += other.sent
        self.received += other.received
        self.estimated = self.estimated or other.estimated


class Spending(dict[tuple[str, str], Spent]):
    """What was spent, by conversation and model.  A turn that is undone or replaced was paid for all the same."""

    def note(self, conversation: str, model: str, spent: Spent) -> None:
        """Add what a turn has spent."""
        self.setdefault((conversation, model), Spent()).add(spent)

    def listing(self, conversation: str | None = None) -> Listing:
        """All of it, or that of one conversation, with the sum below."""
        chosen = {key: spent for key, spent in sorted(self.items()) if conversation in (None, key[0])}
        total = Spent()
        for spent in chosen.values():
            total.add(spent)
        rows = [(*key, *_figures(spent)) for key, spent in chosen.items()]
        if len(rows) > 1:
            rows.append(("together", "", *_figures(total)))
        caption = f"{counted(total.turns, 'turn')} answered since the extension was loaded."
        if total.estimated:
            caption += " Where it says about, the endpoint did not report all, and the rest is estimated."
        head = ("conversation", "model", "turns", "tokens sent", "tokens received")
        return Listing(caption, head, rows, head[2:])


def _figures(spent: Spent) -> tuple[str, str, str]:
    about = "about " if spent.estimated else ""
    return f"{spent.turns:,}", f"{about}{spent.sent:,}", f"{about}{spent.received:,}"
