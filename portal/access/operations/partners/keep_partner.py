"""Add an outside company: its contract, who answers for it, and its first AWS account if that is known already."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from brokers.types import Partition
from portal.access.operations.grants import granting_rules as rules
from portal.access.operations.partners.partner_accounts import open_partner_account
from portal.access.operations.permissions import may
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import DataClass, Partner, Person
from portal.kernel import outbox
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ForbiddenError, InvalidError

NOT_A_SPONSOR = "Choose somebody of the own company who is active."


@dataclass(frozen=True, slots=True)
class FirstAccount:
    """An AWS account of the partner's own. `name`: what it is for them."""

    name: str
    account_id: str
    partition: Partition = Partition.AWS


@dataclass(frozen=True, slots=True)
class PartnerOrder:
    """A company as it is to be added. `slug` empty: made from the name. Both contract dates carry a zone."""

    name: str
    sponsor_id: UUID
    contract_starts_at: datetime
    contract_ends_at: datetime
    slug: str = ""
    deputy_id: UUID | None = None
    data_class: DataClass = DataClass.INTERNAL
    account: FirstAccount | None = None


def create_partner(*, order: PartnerOrder, actor: Actor) -> Partner:
    """Add a partner, and its first account with an ExternalId; both or neither.

    Raises:
        ForbiddenError: the actor may not add partners.
        InvalidError: names the field and what is allowed.
    """
    if not may(actor, "directory.add_partner"):
        raise ForbiddenError("Only an admin can add partners.")
    if order.account is not None and not may(actor, "directory.change_partner"):
        raise ForbiddenError("Adding its AWS account takes the right to change partners, too.")
    for field in ("contract_starts_at", "contract_ends_at"):
        rules.check_zoned(getattr(order, field), field=field)
    with transaction.atomic():
        now = database_now()
        if order.contract_ends_at <= now:
            raise InvalidError("This contract is over already.", field="contract_ends_at")
        partner = _partner(order)
        _clean(partner)
        partner.save(force_insert=True)
        _record(partner, actor, now)
        if order.account is not None:
            _open_account(partner, order.account, actor)
    return partner


def _partner(order: PartnerOrder) -> Partner:
    return Partner(
        name=order.name.strip(),
        slug=order.slug.strip(),
        sponsor=_person(order.sponsor_id, "sponsor"),
        deputy=_person(order.deputy_id, "deputy") if order.deputy_id else None,
        contract_starts_at=order.contract_starts_at,
        contract_ends_at=order.contract_ends_at,
        data_class=order.data_class,
    )


def _person(person_id: UUID, field: str) -> Person:
    """Return who is to answer for it, locked: somebody who is deactivated meanwhile is not made a sponsor."""
    people = Person.objects.select_for_update(no_key=True, of=("self",))
    found = people.filter(pk=person_id, is_active=True, partner=None).first()
    if found is None:
        raise InvalidError(NOT_A_SPONSOR, field=field)
    return found


def _clean(partner: Partner) -> None:
    try:
        partner.full_clean()
    except ValidationError as problem:
        field, messages = next(iter(problem.message_dict.items()))
        raise InvalidError(" ".join(messages), field=_field_of(field, messages)) from None


def _field_of(field: str, messages: list[str]) -> str:
    """Return which field a constraint of the whole row is about."""
    if field != "__all__":
        return field
    return "deputy" if any("deputy" in message for message in messages) else "contract_ends_at"


def _open_account(partner: Partner, account: FirstAccount, actor: Actor) -> None:
    open_partner_account(
        partner_id=partner.pk,
        name=account.name,
        account_id=account.account_id,
        partition=account.partition,
        actor=actor,
    )


def _record(partner: Partner, actor: Actor, now: datetime) -> None:
    record(
        Entry(
            type=EventType.RECORD_ADDED,
            at=now,
            actor=actor,
            partner_id=partner.pk,
            details={
                "record": "partner",
                "id": str(partner.pk),
                "name": partner.name,
                "slug": partner.slug,
                "sponsor": str(partner.sponsor_id),
                "deputy": str(partner.deputy_id) if partner.deputy_id else "",
                "contract_starts_at": partner.contract_starts_at.isoformat(),
                "contract_ends_at": partner.contract_ends_at.isoformat(),
                "data_class": partner.data_class,
            },
        )
    )
    outbox.post("directory.partner.added", at=now, partner=str(partner.pk))
