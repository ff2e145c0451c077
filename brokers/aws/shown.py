"""How a value that somebody sent is put into an error: one line, short, unable to disturb a log or a page."""

import re

_SHORT = 40
_DETAIL = 300
# Long runs without a separator are keys, tokens or documents, not words: AWS echoes them in its messages.
_RUN = re.compile(r"[A-Za-z0-9+/=_%-]{40,}")


def shown(value: str) -> str:
    """Return `value` quoted in ASCII, cut at 40 characters with its whole length."""
    if len(value) <= _SHORT:
        return ascii(value)
    return f"{value[:_SHORT]!a}… ({len(value)} characters)"


def hidden(value: str) -> str:
    """Return the length of a secret, and nothing of it."""
    return f"(not shown, {len(value)} characters)"


def one_line(text: str) -> str:
    """Return a library's or AWS's message as one short line, long unbroken runs taken out."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    flat = _RUN.sub("[…]", flat)
    return flat if len(flat) <= _DETAIL else f"{flat[: _DETAIL - 1]}…"
