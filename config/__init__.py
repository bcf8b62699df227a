"""The project package: settings, URLconf and servers' entry points."""

__version__ = "0.8.0"
"""The version of the product: the newest of CHANGELOG.md, or the next one while its changes stand under Unreleased."""
