"""Rows that an operator would look at: what is late, what fails, what was cut off, what stands in AWS."""

from datetime import UTC, datetime, timedelta
from typing import Any

from portal.access.models import Alarm, DenyDocument, Grant, Hold, Revocation, Sweep
from portal.catalog.models import AwsRole
from portal.directory.models import Person
from tests.world import HOUR, make_grant, make_role

REASON = "AccessDenied: not authorized to perform iam:PutRolePolicy"


def now() -> datetime:
    return datetime.now(UTC)


def sweep_ran(ago: float = 0.4, late: float = 0.05) -> Sweep:
    row, _ = Sweep.objects.update_or_create(
        pk=1, defaults={"ran_at": now() - timedelta(seconds=ago), "late_seconds": late}
    )
    return row


def make_document(role: AwsRole, **fields: Any) -> DenyDocument:
    known: dict[str, Any] = {"account": role.account, "kind": "role", "name": role.name}
    document, _ = DenyDocument.objects.update_or_create(**known, defaults=fields)
    return document


def make_ended(person: Person, role: AwsRole, ago: float = 600, **fields: Any) -> Grant:
    at = now() - timedelta(seconds=ago)
    return make_grant(
        person,
        role,
        **{"state": "revoked", "starts_at": at - HOUR, "ends_at": at + 2 * HOUR, "ended_at": at} | fields,
    )


def make_revocation(grant: Grant, state: str = "failing", ago: float = 600, **fields: Any) -> Revocation:
    """One whose end came `ago` seconds before; `took`, `proof`: seconds until it was applied, until it was proven."""
    asked = now() - timedelta(seconds=ago)
    took, proof = fields.pop("took", 1.0), fields.pop("proof", 2.0)
    times: dict[str, Any] = {}
    if state in {"applied", "proven", "cleaned"}:
        times["applied_at"] = asked + timedelta(seconds=took)
    if state == "proven":
        times["proven_at"] = asked + timedelta(seconds=proof)
    if state == "cleaned":
        times["cleaned_at"] = now()
    known: dict[str, Any] = {
        "grant": grant,
        "document": make_document(grant.role),
        "userids": ["AROA:sp-1"],
        "state": state,
        "asked_at": asked,
        "covers_until": asked + timedelta(days=2),
        "next_try_at": now() + timedelta(seconds=40),
        "attempts": 7,
        "last_error": REASON if state == "failing" else "",
    }
    return Revocation.objects.create(**{**known, **times, **fields})


def raise_alarm(
    kind: str = "revocation_late", subject: str = "1", text: str = "The sessions are not cut."
) -> Alarm:
    return Alarm.objects.create(kind=kind, subject=subject, text=text, raised_at=now())


def enter_hold() -> Hold:
    return Hold.objects.create(entered_at=now(), reason="The database is a copy: a backup was restored.")


def tell_everything(ben: Person, *, crowd: int = 0) -> None:
    """Make something of everything, and `crowd` more of each."""
    sweep_ran()
    role = make_role("Production operator", name="ProductionOperator")
    other = make_role("Partner dropbox", name="PartnerDropbox")
    AwsRole.objects.create(
        account=role.account, title="Billing", name="AWSReservedSSO_Billing_0123456789abcdef"
    )
    uncut = AwsRole.objects.get(title="Billing")
    make_grant(ben, uncut, accepted_no_kill_switch=True)
    for number in range(crowd + 1):
        at = now() - timedelta(minutes=number + 1)
        make_grant(ben, role, starts_at=at - HOUR, ends_at=at)
        make_grant(ben, other, ends_at=now() + timedelta(minutes=7 * number + 5))
        make_revocation(make_ended(ben, role), "failing")
        make_revocation(make_ended(ben, other), "pending", ago=90)
        make_revocation(make_ended(ben, other), "applied", took=0.4)
        make_revocation(make_ended(ben, other), "proven", took=0.8 + number % 4, proof=2.0 + number % 9)
    policies = [
        {"name": "SallyportRevoked", "characters": 9_812, "entries": 160},
        {"name": "SallyportRevoked-PartnerDropbox-1", "characters": 1_204, "entries": 20},
    ]
    make_document(
        other, entries=180, policies=policies, checked_at=now(), recheck_at=now() + timedelta(seconds=30)
    )
    raise_alarm()
