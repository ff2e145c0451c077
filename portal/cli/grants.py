"""Grants, and the short names that people and profiles call them by."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from portal.cli.errors import RefusedError, WrongInputError
from portal.cli.texts import clock, plain, read_time

UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SHORT: Final = 8
CONSOLES: Final[Mapping[str, str]] = {
    "aws": "https://console.aws.amazon.com",
    "aws-cn": "https://console.amazonaws.cn",
    "aws-us-gov": "https://console.amazonaws-us-gov.com",
}


@dataclass(frozen=True, slots=True)
class Grant:
    """One's own grant. `open_until`: when what is issued now ends; None: it is closed now."""

    id: str
    state: str
    account: str
    account_id: str
    partition: str
    role: str
    role_name: str
    scope: str
    ends_at: datetime
    open_until: datetime | None
    opens_at: datetime | None
    end_reason: str
    allows_console: bool
    allows_credentials: bool
    region: str
    endpoint_url: str

    @property
    def name(self) -> str:
        """Stable over grants to the same role; two at once share it."""
        return f"{slug(self.account) or self.account_id}/{slug(self.role) or slug(self.role_name)}"


def read_grant(told: Any) -> Grant:
    """Return a grant from the API's form. Raises KeyError, TypeError, ValueError or AttributeError."""
    role = told["role"]
    account = role["account"]
    stand_in = account.get("stand_in") or {}
    if not UUID.fullmatch(told["id"]) or account["partition"] not in CONSOLES:
        raise ValueError("no grant")
    return Grant(
        id=told["id"],
        state=plain(told["state"], limit=40),
        account=plain(account["name"], limit=200),
        account_id=plain(account["account_id"], limit=20),
        partition=account["partition"],
        role=plain(role["title"], limit=200),
        role_name=plain(str(role["arn"]).rpartition("/")[2], limit=100),
        scope=plain(told.get("scope_summary", "")),
        ends_at=read_time(told["ends_at"]),
        open_until=_time(told["open_until"]),
        opens_at=_time(told.get("opens_at")),
        end_reason=plain(told.get("end_reason", "")),
        allows_console=bool(role["allows_console"]),
        allows_credentials=bool(role["allows_credentials"]),
        region=_word(stand_in.get("region", "")),
        endpoint_url=_word(stand_in.get("endpoint_url", "")),
    )


@dataclass(frozen=True, slots=True)
class Offer:
    """What one's groups may take, for up to so many minutes. `is_held`: it was taken already."""

    id: str
    name: str
    minutes: int
    scope: str
    is_held: bool


def read_offer(told: Any) -> Offer:
    """Return an offer from the API's form. Raises as read_grant does."""
    role = told["role"]
    account = role["account"]
    if not UUID.fullmatch(told["id"]):
        raise ValueError("no offer")
    return Offer(
        id=told["id"],
        name=f"{slug(account['name']) or plain(account['account_id'], limit=20)}/{slug(role['title'])}",
        minutes=int(told["longest_minutes"]),
        scope=plain(told.get("scope_summary", "")),
        is_held=bool(told.get("held")),
    )


def names(grants: Sequence[Grant]) -> dict[str, Grant]:
    """Return each grant under a name that is its alone: those that share one get the first letters of their id."""
    shared = Counter(grant.name for grant in grants)
    return {
        grant.name if shared[grant.name] == 1 else f"{grant.name}.{grant.id[:SHORT]}": grant
        for grant in grants
    }


def find_grant(words: str, grants: Sequence[Grant], *, ended: Callable[[], Sequence[Grant]]) -> Grant:
    """Return the one living grant that is meant: by name, by role alone, by account number, by id or its beginning.

    `ended`: asked for grants that are over, to say so.

    Raises:
        WrongInputError: none is meant, or several.
        RefusedError: the one that is meant is over.
    """
    asked = words.strip().lower()
    meant = _meant(asked, grants)
    if len(meant) > 1:  # of those the open one: the others give nothing now
        meant = [grant for grant in meant if grant.open_until] or meant
    if len(meant) == 1:
        return meant[0]
    if meant:
        known = {grant.id: name for name, grant in names(grants).items()}
        choices = ", ".join(sorted(known[grant.id] for grant in meant))
        raise WrongInputError(f"{plain(words, limit=80)} could be each of: {choices}. Say which.")
    over = _meant(asked, ended())
    if over:
        raise RefusedError(told_end(over[0]), code="ended")
    have = ", ".join(sorted(names(grants))) or "none now"
    raise WrongInputError(f"You have no grant {plain(words, limit=80)}. Yours: {have}.")


def told_end(grant: Grant) -> str:
    why = f": {grant.end_reason}" if grant.end_reason else "."
    return f"{grant.name} is over ({grant.state}, it was until {clock(grant.ends_at)}){why}"


def slug(text: str) -> str:
    """Return a name in lower-case letters, digits and hyphens, as the portal's own addresses have it."""
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", letters)).strip("-_")


def _meant(asked: str, grants: Sequence[Grant]) -> list[Grant]:
    for matches in (_is_named, _has_role, _begins):
        if found := [grant for grant in grants if matches(asked, grant)]:
            return found
    return []


def _is_named(asked: str, grant: Grant) -> bool:
    if asked in {grant.id, f"{grant.name}.{grant.id[:SHORT]}"}:
        return True
    account, slash, role = asked.partition("/")
    if not slash:
        return False
    return account in {slug(grant.account), grant.account_id} and _is_role(role, grant)


def _has_role(asked: str, grant: Grant) -> bool:
    return _is_role(asked, grant)


def _is_role(role: str, grant: Grant) -> bool:
    return role in {slug(grant.role), slug(grant.role_name), grant.role.lower(), grant.role_name.lower()}


def _begins(asked: str, grant: Grant) -> bool:
    return len(asked) >= SHORT and grant.id.startswith(asked)


def _time(told: Any) -> datetime | None:
    return None if told is None else read_time(told)


def _word(told: Any) -> str:
    """Return a word for an environment or a file's line. Raises ValueError for one that could be more."""
    if not isinstance(told, str) or not re.fullmatch(r"[\w:/.\[\]-]*", told, re.ASCII):
        raise ValueError("no word")
    return told
