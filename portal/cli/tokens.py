"""Where tokens are kept: the operating system's keyring, or a file that is its owner's alone."""

import importlib
import json
from pathlib import Path
from typing import Any, Final

from portal.cli.errors import CliError
from portal.cli.files import folder, read_private, write_private
from portal.cli.texts import plain

FILE: Final = "file"
# Those that keep a secret from others, by module and class. Any other that is installed might be a plain file.
KEYRINGS: Final = {
    "macOS": ("keyring.backends.macOS", "Keyring"),
    "Windows": ("keyring.backends.Windows", "WinVaultKeyring"),
    "SecretService": ("keyring.backends.SecretService", "Keyring"),
    "libsecret": ("keyring.backends.libsecret", "Keyring"),
    "KWallet": ("keyring.backends.kwallet", "DBusKeyring"),
}
ENTRY: Final = "sallyport"


def path() -> Path:
    return folder() / "tokens.json"


def keep_token(portal: str, token: str, *, in_file: bool) -> str:
    """Keep a token and return where: a keyring's name, or "file" where there is none that works."""
    name = "" if in_file else find_keyring()
    if name and _put(name, portal, token):
        return name
    write_private(path(), json.dumps(_filed() | {portal: token}, indent=2) + "\n")
    return FILE


def read_token(portal: str, kept: str) -> str | None:
    """Return the token of a portal, None where there is none. Raises CliError for a keyring or file that fails."""
    if kept == FILE:
        return _filed().get(portal)
    if kept not in KEYRINGS:
        return None
    try:
        found = _keyring(kept).get_password(ENTRY, portal)
    except Exception as problem:  # noqa: BLE001  # a keyring's errors have no common type
        raise CliError(
            f"The keyring ({kept}) gave nothing: {plain(problem)} Unlock it, or run `sallyport login --file`."
        ) from None
    return str(found) if found else None


def forget_token(portal: str, kept: str) -> None:
    """Forget the token of a portal; one that is gone already is fine."""
    if kept == FILE:
        others = {name: token for name, token in _filed().items() if name != portal}
        write_private(path(), json.dumps(others, indent=2) + "\n")
    elif kept in KEYRINGS:
        try:
            _keyring(kept).delete_password(ENTRY, portal)
        except Exception as problem:  # noqa: BLE001  # as above
            raise CliError(f"The keyring ({kept}) forgot nothing: {plain(problem)}") from None


def find_keyring() -> str:
    """Return the name of a keyring that can be used here; empty: none. It is slow, so its answer is remembered."""
    try:
        import keyring

        found: Any = keyring.get_keyring()
    except Exception:  # noqa: BLE001  # whatever it is, the file remains
        return ""
    names = {place: name for name, place in KEYRINGS.items()}
    for each in getattr(found, "backends", [found]):
        if name := names.get((type(each).__module__, type(each).__name__)):
            return name
    return ""


def _keyring(name: str) -> Any:
    """Return a keyring by its name, without the search through all that is installed."""
    module, kind = KEYRINGS[name]
    return getattr(importlib.import_module(module), kind)()


def _put(name: str, portal: str, token: str) -> bool:
    try:
        ring = _keyring(name)
        ring.set_password(ENTRY, portal, token)
        return bool(ring.get_password(ENTRY, portal) == token)
    except Exception:  # noqa: BLE001  # locked, or nobody there to unlock it: the file remains
        return False


def _filed() -> dict[str, str]:
    text = read_private(path())
    if text is None:
        return {}
    try:
        told = json.loads(text)
        return {str(name): str(token) for name, token in told.items()}
    except (ValueError, AttributeError):
        raise CliError(f"{path()} is damaged: remove it, then run `sallyport login`.") from None
