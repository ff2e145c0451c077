"""Who acts, and from where: every operation takes one, every audit row keeps it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address
from typing import Self
from uuid import UUID

NO_PERSON = UUID(int=0)


class ActorKind(StrEnum):
    """What sort of hand did it."""

    PERSON = "person"
    TOKEN = "token"  # noqa: S105  # a kind of actor, not a secret
    SYSTEM = "system"
    COMMAND = "command"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Actor:
    """`person_id` is set for people and their tokens; `label` is for readers of the audit trail.

    `factor_at`: when the person last gave a second factor in this session, or for this token.
    `signed_in_at`: when this browser was let in; None for all else. `api_token_id`: the API token by which they act.

    An `ip` that is none becomes None: what a proxy wrote must not keep an audit row from being written.
    """

    kind: ActorKind
    label: str
    person_id: UUID | None = None
    ip: str | None = None
    user_agent: str = ""
    request_id: str = ""
    factor_at: datetime | None = None
    signed_in_at: datetime | None = None
    api_token_id: UUID | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "ip", _address(self.ip))

    @property
    def owner_id(self) -> UUID:
        """The person's id for look-ups of what is theirs; for others one that no person has."""
        return self.person_id or NO_PERSON

    @property
    def is_trusted(self) -> bool:
        """The portal's own work and its commands need no permission: whoever starts those holds its keys."""
        return self.kind in {ActorKind.COMMAND, ActorKind.SYSTEM}

    @classmethod
    def system(cls, label: str) -> Self:
        return cls(kind=ActorKind.SYSTEM, label=label)

    @classmethod
    def command(cls, label: str) -> Self:
        return cls(kind=ActorKind.COMMAND, label=label)


def _address(text: str | None) -> str | None:
    try:
        # A zone such as %eth0 means something on one machine alone, and PostgreSQL's inet refuses it.
        return str(ip_address((text or "").partition("%")[0]))
    except ValueError:
        return None
