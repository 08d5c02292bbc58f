"""The version of podlab, which recordings name."""

__version__ = "0.1.0"
