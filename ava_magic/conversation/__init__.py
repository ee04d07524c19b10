"""The conversation: exchanges in order, saved, resumed, counted and shown."""

from .conversation import Conversation
from .exchanges import Anchor, Exchange, Message

__all__ = ["Anchor", "Conversation", "Exchange", "Message"]
