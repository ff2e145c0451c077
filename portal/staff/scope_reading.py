"""How a scope's reading is shown: in words, as a table of services and access levels, with its findings and sizes."""

from collections.abc import Sequence
from dataclasses import dataclass

from brokers.types import PolicyFinding
from portal.catalog.linting import ROLE_CHARACTERS, SESSION_CHARACTERS, TemplateReading, told
from portal.catalog.models import ScopeTemplate


@dataclass(frozen=True, slots=True)
class FindingRow:
    """`kind`: error, warning, overruled or note: a word, and a mark of its own in the sheet."""

    kind: str
    where: str
    text: str
    advice: str


@dataclass(frozen=True, slots=True)
class Room:
    """How much of a limit the policy itself takes; the portal's own statements come on top."""

    what: str
    characters: int
    limit: int

    @property
    def fits(self) -> bool:
        return self.characters <= self.limit

    @property
    def words(self) -> str:
        return (
            f"{self.characters:,} of {self.limit:,} characters {self.what}{'' if self.fits else ': too many'}"
        )


@dataclass(frozen=True, slots=True)
class ShownReading:
    """All that the page shows. `managed`: policies that AWS or the account keeps, which are not read here."""

    reading: TemplateReading
    findings: Sequence[FindingRow]
    rooms: Sequence[Room]
    managed: Sequence[str]


def shown_reading(reading: TemplateReading, template: ScopeTemplate) -> ShownReading:
    reasons = {
        (each["code"], each["where"], each["text"]): f"Overruled by {each['by']}: {each['reason']}"
        for each in template.overruled
    }

    def rows(kind: str, findings: Sequence[PolicyFinding]) -> list[FindingRow]:
        return [
            FindingRow(kind, each.where, each.text, reasons.get(told(each), each.advice)) for each in findings
        ]

    return ShownReading(
        reading=reading,
        findings=[
            *rows("error", reading.errors),
            *rows("warning", reading.warnings),
            *rows("overruled", reading.overruled),
            *rows("note", reading.notes),
        ],
        rooms=(
            Room("of a session policy, for people", reading.characters, SESSION_CHARACTERS),
            Room(
                "of a role's inline policies, for partners' own accounts", reading.characters, ROLE_CHARACTERS
            ),
        ),
        managed=reading.managed_policy_arns,
    )
