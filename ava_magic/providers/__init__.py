"""Adapters of chat APIs: one contract (:mod:`.base`), one wire format (:mod:`.chunks`), and who speaks it."""
