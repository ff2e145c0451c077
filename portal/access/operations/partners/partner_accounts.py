"""A partner's own AWS accounts, from which it may be let in: opened with an ExternalId, closed with all they have."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet

from brokers.types import Partition
from portal.access.lifecycle import LIVING, AlarmKind, GrantState, ProofState, stored
from portal.access.models import ExternalId, ExternalIdProof, Grant
from portal.access.operations.cutting.alarms import clear_alarm
from portal.access.operations.grants.end_grants import Ending, end_locked_grants
from portal.access.operations.partners.external_ids import make_external_id
from portal.access.operations.partners.lock_partner import lock_open_account, lock_partner
from portal.access.operations.partners.proofs import alarm_subject
from portal.access.operations.reasons import checked_reason
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.catalog.models import AwsAccount
from portal.directory.models import PartnerAccount
from portal.kernel import outbox
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, InvalidError

REASON_LIMIT = 300


@dataclass(frozen=True, slots=True)
class Closed:
    """A partner's account that was closed, and how many grants ended with it."""

    account: PartnerAccount
    grants: int


def open_partner_account(
    *, partner_id: UUID, name: str, account_id: str, partition: str, actor: Actor
) -> PartnerAccount:
    """Add an AWS account of the partner's own, with its ExternalId. It gets nothing by that.

    Raises:
        NotFoundError: there is no such partner, or the actor may not change partners.
        InvalidError: names the field and what is allowed; an account of ours, too, is no partner's.
        ConflictError: the partner has it already.
    """
    with transaction.atomic():
        partner = lock_partner(partner_id, actor)
        now = database_now()
        account = PartnerAccount(
            partner=partner,
            name=name.strip(),
            account_id=account_id.replace("-", "").strip(),
            partition=_partition(partition),
            added_at=now,
        )
        _check(account)
        account.save(force_insert=True)
        _record(EventType.PARTNER_ACCOUNT_ADDED, account, actor)
        make_external_id(account, actor=actor, at=now)
    return account


def preview_closing(partner_account_id: UUID) -> list[Grant]:
    """Return the living grants that would end, and change nothing; the door asks first whether the reader may see."""
    living = _living(partner_account_id).select_related("partner_account__partner", "role__account")
    return list(living.order_by("ends_at", "pk"))


def close_partner_account(*, partner_account_id: UUID, reason: str, actor: Actor) -> Closed:
    """Close it for good: all grants of the account end, its roles in AWS are closed and taken away.

    Its ExternalIds are accepted nowhere any more. The same account can be opened again, with another ExternalId.

    Raises:
        NotFoundError: there is no such account, or the actor may not change partners.
        InvalidError: no reason, or a longer one than 300 characters.
        ConflictError: closed already.
    """
    reason = checked_reason(reason, most=REASON_LIMIT)
    with transaction.atomic():
        account = lock_open_account(partner_account_id, actor)
        locked = _living(account.pk).select_for_update(no_key=True, of=("self",)).order_by("pk")
        grants = list(locked.select_related("role__account", "partner_account"))
        now = database_now()
        account.closed_at = now
        account.save(update_fields=["closed_at"])
        _end_external_ids(account, now)
        if grants:
            why = f"{account} of {account.partner.name} was closed: {reason}"[:500]
            end_locked_grants(
                grants, Ending(GrantState.SUSPENDED, EventType.GRANT_SUSPENDED, actor, now, why)
            )
        _record(EventType.PARTNER_ACCOUNT_CLOSED, account, actor, reason=reason, grants_ended=len(grants))
    return Closed(account, len(grants))


def _partition(partition: str) -> str:
    try:
        return Partition(partition).value
    except ValueError:
        allowed = ", ".join(each.value for each in Partition)
        raise InvalidError(f"The partition is one of {allowed}.", field="partition") from None


def _check(account: PartnerAccount) -> None:
    try:
        account.clean_fields(exclude={"partner"})
    except ValidationError as problem:
        field, messages = next(iter(problem.message_dict.items()))
        raise InvalidError(" ".join(messages), field=field) from None
    ours = AwsAccount.objects.filter(account_id=account.account_id).first()
    if ours is not None:
        raise InvalidError(
            f"That is our own account {ours.name}. A partner comes in from an account of its own.",
            field="account_id",
        )
    theirs = PartnerAccount.objects.filter(partner=account.partner_id, account_id=account.account_id)
    if theirs.filter(closed_at=None).exists():
        raise ConflictError(f"{account.partner.name} has the account {account.account_id} already.")


def _living(partner_account_id: UUID) -> QuerySet[Grant]:
    return Grant.objects.filter(partner_account=partner_account_id, state__in=stored(LIVING))


def _end_external_ids(account: PartnerAccount, now: datetime) -> None:
    """Nothing of it is accepted, proven or alarmed of any more."""
    accepted = Q(accepted_until=None) | Q(accepted_until__gt=now)
    ExternalId.objects.filter(accepted, partner_account=account).update(accepted_until=now)
    proofs = ExternalIdProof.objects.filter(partner_account=account)
    proofs.filter(state=ProofState.ASKED.value).delete()
    failed = proofs.filter(state=ProofState.FAILED.value).select_related("account")
    for subject in sorted({alarm_subject(proof) for proof in failed}):
        clear_alarm(kind=AlarmKind.EXTERNAL_ID_NOT_PROVEN, subject=subject, at=now)


def _record(event: EventType, account: PartnerAccount, actor: Actor, **more: object) -> None:
    is_open = account.closed_at is None
    record(
        Entry(
            type=event,
            at=account.added_at if is_open else database_now(),
            actor=actor,
            partner_id=account.partner_id,
            details={
                "partner_account": str(account.pk),
                "name": account.name,
                "account": account.account_id,
                "partition": account.partition,
                **more,
            },
        )
    )
    word = "opened" if is_open else "closed"
    outbox.post(f"directory.partner_account.{word}", at=database_now(), partner_account=str(account.pk))
