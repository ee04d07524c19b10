"""The conversation: exchanges in order, saved, resumed, counted and shown."""

from .exchanges import Anchor, Conversation, Exchange, Message

__all__ = ["Anchor", "Conversation", "Exchange", "Message"]
