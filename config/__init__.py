"""The project package: settings, URLconf and servers' entry points."""

__version__ = "1.1.0.dev0"
"""The version of the product: the newest of CHANGELOG.md, or the next one while its changes stand under Unreleased."""
