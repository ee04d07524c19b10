"""The version, in the one place that the build, ``__version__`` and the User-Agent read it from."""

__version__ = "0.1.0"

USER_AGENT = f"ava-magic/{__version__}"
"""What requests say of their sender."""
