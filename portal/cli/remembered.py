"""What is remembered between two runs, none of it secret: the portal, its authority, where its token is kept."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from portal.cli.errors import CliError
from portal.cli.files import folder, read_text, write_private


@dataclass(slots=True)
class Known:
    """A portal that was signed in to. `kept`: "file" or a keyring's name; `expires_at`: when its token is over."""

    ca: str = ""
    kept: str = ""
    expires_at: str = ""


@dataclass(slots=True)
class Remembered:
    """`portal`: the one that was signed in to last."""

    portal: str = ""
    portals: dict[str, Known] = field(default_factory=dict)


def path() -> Path:
    return folder() / "config.json"


def recall() -> Remembered:
    """Return what is remembered. Raises CliError for a file that isn't this program's."""
    text = read_text(path())
    if text is None:
        return Remembered()
    try:
        told: Any = json.loads(text)
        portals = {str(name): _known(each) for name, each in told.get("portals", {}).items()}
        return Remembered(str(told.get("portal", "")), portals)
    except (ValueError, AttributeError, TypeError):
        raise CliError(f"{path()} is damaged: remove it, then run `sallyport login`.") from None


def remember(what: Remembered) -> None:
    write_private(path(), json.dumps(asdict(what), indent=2) + "\n")


def _known(told: dict[str, Any]) -> Known:
    return Known(*(str(told.get(name, "")) for name in ("ca", "kept", "expires_at")))
