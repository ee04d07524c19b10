"""Many at once: each item of an iterable, several models side by side."""
