"""What AWS has against what the portal believes, compared: pure, no database and no call.

One `Difference` for each thing that is not alike: what it is, of which role or user, and what its repair would do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from brokers.types import PrincipalKind


class Kind(StrEnum):
    """What is not alike: first what AWS knows better, then what it lacks. Stored in reports; options name them."""

    DENIED_LIVING = "denied_living"
    UNKNOWN_DENY = "unknown_deny"
    ENDED_DENY = "ended_deny"
    UNKNOWN_CUT = "unknown_cut"
    MISSING_DENY = "missing_deny"
    MISSING_CUT = "missing_cut"
    CHANGED_POLICY = "changed_policy"
    PRINCIPAL_GONE = "principal_gone"
    MADE_ANEW = "made_anew"
    STALE_DENY = "stale_deny"
    FOREIGN_DENY = "foreign_deny"
    LEFTOVER_POLICY = "leftover_policy"
    FOREIGN_POLICY = "foreign_policy"


class Remedy(StrEnum):
    """What a repair does. All but the first two write the database alone, so that they are possible in hold."""

    PUT_RIGHT = "put_right"
    CLEAN_UP = "clean_up"
    REVOKE_HERE = "revoke_here"
    KEEP_DENY = "keep_deny"
    KEEP_CUT = "keep_cut"
    KEEP_ID = "keep_id"
    NONE = "none"

    @property
    def writes_aws(self) -> bool:
        return self in {Remedy.PUT_RIGHT, Remedy.CLEAN_UP}

    @property
    def adopts(self) -> bool:
        """Whether it takes over what AWS knows better, which the next writing there would undo."""
        return self in {Remedy.REVOKE_HERE, Remedy.KEEP_DENY, Remedy.KEEP_CUT}


@dataclass(frozen=True, slots=True, order=True)
class Principal:
    """A role or user in AWS, whether the catalog knows it or not. Without a name: the account as a whole."""

    account: str
    kind: PrincipalKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} in {self.account}" if self.name else f"account {self.account}"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not alike.

    `item`: the session, policy or id in question, where there is one. `repair`: what repairing it would do, or why
    there is none. `until`: how long a deny that is kept would be. `grants`: the grants concerned, by id.
    """

    kind: Kind
    principal: Principal
    words: str
    remedy: Remedy
    repair: str
    item: str = ""
    grants: tuple[str, ...] = ()
    until: datetime | None = None

    @property
    def key(self) -> str:
        """Tells it from every other one, and finds it again in the next report."""
        return f"{self.kind}|{self.principal.account}|{self.principal.kind}|{self.principal.name}|{self.item}"

    def to_json(self) -> Mapping[str, Any]:
        return {**asdict(self), "until": self.until.isoformat() if self.until else None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        found = data["principal"]
        return cls(
            **{
                **data,
                "kind": Kind(data["kind"]),
                "remedy": Remedy(data["remedy"]),
                "principal": Principal(found["account"], PrincipalKind(found["kind"]), found["name"]),
                "grants": tuple(data["grants"]),
                "until": datetime.fromisoformat(data["until"]) if data["until"] else None,
            }
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What one comparison found.

    `unasked`: what AWS did not answer for, and why; `unsettled`: what was being written at each look. `looked_at`:
    how many roles and users were compared.
    """

    differences: tuple[Difference, ...] = ()
    unasked: Mapping[str, str] = field(default_factory=dict)
    unsettled: tuple[str, ...] = ()
    looked_at: int = 0

    @property
    def is_clean(self) -> bool:
        return not (self.differences or self.unasked or self.unsettled)

    def grouped(self) -> Mapping[Kind, Sequence[Difference]]:
        """Return the differences by kind, in the order of `Kind`."""
        found = {kind: [each for each in self.differences if each.kind == kind] for kind in Kind}
        return {kind: differences for kind, differences in found.items() if differences}

    def to_json(self) -> Mapping[str, Any]:
        return {
            "differences": [each.to_json() for each in self.differences],
            "unasked": dict(self.unasked),
            "unsettled": list(self.unsettled),
            "looked_at": self.looked_at,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            tuple(Difference.from_json(each) for each in data["differences"]),
            data["unasked"],
            tuple(data["unsettled"]),
            data["looked_at"],
        )
