"""Who acts, and from where: every operation takes one, every audit row keeps it."""

from dataclasses import dataclass
from enum import StrEnum
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
    """`person_id` is set for people and their tokens; `label` is for readers of the audit trail."""

    kind: ActorKind
    label: str
    person_id: UUID | None = None
    ip: str | None = None
    user_agent: str = ""
    request_id: str = ""

    @property
    def owner_id(self) -> UUID:
        """The person's id for look-ups of what is theirs; for others one that no person has."""
        return self.person_id or NO_PERSON

    @classmethod
    def system(cls, label: str) -> Self:
        return cls(kind=ActorKind.SYSTEM, label=label)

    @classmethod
    def command(cls, label: str) -> Self:
        return cls(kind=ActorKind.COMMAND, label=label)
