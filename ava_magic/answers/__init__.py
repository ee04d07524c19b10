"""The forms that an answer may have: code, JSON, an object of a given shape."""
