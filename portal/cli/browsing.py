"""A browser on this machine, where there is one."""

import os
import sys


def is_headless() -> bool:
    """Whether nobody would see a browser that opens here."""
    if os.environ.get("BROWSER"):
        return False
    if sys.platform in {"darwin", "win32"}:
        return bool(os.environ.get("SSH_CONNECTION"))
    return not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def open_in_browser(url: str) -> bool:
    """Open an http or https address and return whether a browser took it."""
    if not url.startswith(("https://", "http://")):
        return False
    import webbrowser

    try:
        return webbrowser.open(url)
    except (webbrowser.Error, OSError):
        return False
