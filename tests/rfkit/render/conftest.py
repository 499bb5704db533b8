"""Fixtures of the tests that look at pages."""

from tests.browser import opened, windows

__all__ = ["opened", "windows"]
