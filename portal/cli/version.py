"""Told to portals and people. tests/unit/cli/test_start.py compares it with pyproject.toml."""

from typing import Final

VERSION: Final = "0.1.0"
