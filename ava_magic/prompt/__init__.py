"""The prompt: what the user typed, with the notebook's values and files in it, and no secret."""
