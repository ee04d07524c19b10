"""What Tab offers after ``%ava``."""
