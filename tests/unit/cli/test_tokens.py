"""Tokens: in a keyring where there is one that works, else in a file that is its owner's alone."""

import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from portal.cli import tokens
from portal.cli.errors import CliError
from tests.unit.cli.scripted_portal import TOKEN

PORTAL, OTHER = "https://portal.example", "https://other.example"


class Memory(KeyringBackend):
    """A keyring's own interface, kept in memory."""

    priority = 9
    kept: dict[tuple[str, str], str] = {}
    locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringLocked("Locked\x1b[31m.")
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.locked:
            raise KeyringLocked("Locked.")
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> type[Memory]:
    monkeypatch.setattr(Memory, "kept", {})
    monkeypatch.setattr(Memory, "locked", False)
    monkeypatch.setattr(tokens, "KEYRINGS", {"Memory": (Memory.__module__, "Memory")})
    monkeypatch.setitem(sys.modules, Memory.__module__, SimpleNamespace(Memory=Memory))
    monkeypatch.setattr(keyring, "get_keyring", Memory)
    return Memory


def test_a_keyring_is_taken_where_there_is_one(ring: type[Memory]) -> None:
    assert tokens.keep_token(PORTAL, TOKEN, in_file=False) == "Memory"
    assert ring.kept == {("sallyport", PORTAL): TOKEN}
    assert not tokens.path().exists()
    assert tokens.read_token(PORTAL, "Memory") == TOKEN
    assert tokens.read_token(OTHER, "Memory") is None
    tokens.forget_token(PORTAL, "Memory")
    assert ring.kept == {}


def test_a_file_where_it_is_wished_or_the_keyring_fails(ring: type[Memory]) -> None:
    assert tokens.keep_token(PORTAL, TOKEN, in_file=True) == "file"
    assert ring.kept == {}
    ring.locked = True
    assert tokens.keep_token(OTHER, TOKEN, in_file=False) == "file"
    assert json.loads(tokens.path().read_text()) == {PORTAL: TOKEN, OTHER: TOKEN}


def test_a_keyring_that_keeps_nothing_is_none(ring: type[Memory], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring, "set_password", lambda *_: None)
    assert tokens.keep_token(PORTAL, TOKEN, in_file=False) == "file"
    assert tokens.read_token(PORTAL, "file") == TOKEN


def test_a_locked_keyring_is_told_and_not_gone_round(ring: type[Memory]) -> None:
    tokens.keep_token(PORTAL, TOKEN, in_file=False)
    ring.locked = True
    with pytest.raises(CliError, match=r"Locked\?\[31m\. Unlock it"):
        tokens.read_token(PORTAL, "Memory")


def test_a_keyring_that_is_not_known_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "get_keyring", Memory)
    assert tokens.find_keyring() == ""
    assert tokens.keep_token(PORTAL, TOKEN, in_file=False) == "file"
    assert tokens.read_token(PORTAL, "os.system") is None


def test_a_file_is_its_owners_alone_also_under_a_wide_umask() -> None:
    before = os.umask(0)
    try:
        assert tokens.keep_token(PORTAL, TOKEN, in_file=False) == "file"
    finally:
        os.umask(before)
    assert stat.S_IMODE(tokens.path().stat().st_mode) == 0o600
    assert stat.S_IMODE(tokens.path().parent.stat().st_mode) == 0o700
    assert list(tokens.path().parent.iterdir()) == [tokens.path()]
    assert tokens.read_token(PORTAL, "file") == TOKEN
    assert tokens.read_token(OTHER, "file") is None
    tokens.forget_token(PORTAL, "file")
    assert tokens.read_token(PORTAL, "file") is None


def wide(mode: int) -> Callable[[Path], None]:
    return lambda path: path.chmod(mode)


def link(path: Path) -> None:
    path.rename(path.with_name("real"))
    path.symlink_to(path.with_name("real"))


def damage(path: Path) -> None:
    path.write_text("[")


@pytest.mark.parametrize(
    ("spoil", "part"),
    [
        *[(wide(mode), "is open to others") for mode in (0o640, 0o620, 0o604, 0o602, 0o666)],
        (link, "is not a plain file"),
        (damage, "is damaged"),
    ],
)
def test_a_file_that_others_may_touch_is_refused(spoil: Callable[[Path], None], part: str) -> None:
    tokens.keep_token(PORTAL, TOKEN, in_file=True)
    assert tokens.read_token(PORTAL, "file") == TOKEN
    spoil(tokens.path())
    with pytest.raises(CliError, match=part) as caught:
        tokens.read_token(PORTAL, "file")
    assert TOKEN not in str(caught.value)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can give a file away")
def test_somebody_elses_file_is_refused() -> None:
    tokens.keep_token(PORTAL, TOKEN, in_file=True)
    os.chown(tokens.path(), 65534, 65534)
    with pytest.raises(CliError, match="somebody else's"):
        tokens.read_token(PORTAL, "file")
