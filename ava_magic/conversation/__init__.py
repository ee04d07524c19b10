"""The conversation: exchanges in order, saved, resumed, counted and shown."""

from .exchanges import Anchor, Conversation, Exchange, Message, Rerun, Unanswered, estimate_tokens, fit

__all__ = ["Anchor", "Conversation", "Exchange", "Message", "Rerun", "Unanswered", "estimate_tokens", "fit"]
