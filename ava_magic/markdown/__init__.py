"""Markdown that a stranger wrote: settled in blocks, and rendered so that nothing in it runs."""
