"""ExternalIds: what a partner sends with sts:AssumeRole, made here, and made anew with a time in which both count."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet

from brokers.types import AcceptedExternalId
from portal.access.lifecycle import LIVING, PartnerRoleState, ProofKind, ProofState, stored
from portal.access.models import ExternalId, ExternalIdProof, Grant, PartnerRole
from portal.access.operations.partners.lock_partner import lock_open_account
from portal.access.operations.partners.partner_role_leases import bring_up
from portal.access.operations.partners.proofs import ask_proof
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
LONGEST_OVERLAP = timedelta(days=30)
NO_OVERLAP = timedelta(0)
LIVING_ROLES = (PartnerRoleState.MAKING.value, PartnerRoleState.STANDING.value)


def accepted_external_ids(partner_account_id: UUID, *, at: datetime) -> tuple[AcceptedExternalId, ...]:
    """Return what trust policies accept at that moment: the current one first, then one that is being rotated out."""
    accepted = ExternalId.objects.filter(
        Q(accepted_until=None) | Q(accepted_until__gt=at), partner_account=partner_account_id
    )
    rows = accepted.order_by(F("accepted_until").desc(nulls_first=True), "-pk")
    return tuple(AcceptedExternalId(str(row.value), row.accepted_until) for row in rows)


def make_external_id(account: PartnerAccount, *, actor: Actor, at: datetime) -> ExternalId:
    """In the caller's transaction, which has locked the account: make its current one.

    The trail names it by its row: whoever reads the trail need not learn it.
    """
    made = ExternalId.objects.create(partner_account=account, made_at=at, made_by_id=actor.person_id)
    record(
        Entry(
            type=EventType.EXTERNAL_ID_MADE,
            at=at,
            actor=actor,
            partner_id=account.partner_id,
            details={"external_id": made.pk, "partner_account": str(account.pk)},
        )
    )
    return made


def living_roles(partner_account_id: UUID) -> QuerySet[PartnerRole]:
    """Return the roles of the account's grants that stand, or are to."""
    return PartnerRole.objects.filter(grant__partner_account=partner_account_id, state__in=LIVING_ROLES)


def rotate_external_id(
    *, partner_account_id: UUID, overlap: timedelta, reason: str, actor: Actor
) -> ExternalId:
    """Make a new ExternalId; the old one is accepted for `overlap` longer. Zero: from now on nowhere.

    All roles of the account are brought to it. Before they are, it is proven by real calls in each of our accounts
    that they stand in; where nothing of the old may stay accepted they don't wait for that.

    Raises:
        NotFoundError: there is no such account, or the actor may not change partners.
        InvalidError: no reason, or an overlap that is not 0 to 30 days.
        ConflictError: the account was closed; or two are accepted already, and none is to be cut.
    """
    reason = checked_reason(reason, most=REASON_LIMIT)
    if not NO_OVERLAP <= overlap <= LONGEST_OVERLAP:
        raise InvalidError("The old one can stay accepted for 0 to 30 days.", field="overlap")
    with transaction.atomic():
        account = lock_open_account(partner_account_id, actor)
        # Before their roles, as everywhere: the sweep, which ends grants, writes roles after them.
        list(_living_grants(account).select_for_update(no_key=True).values_list("pk"))
        now = database_now()
        _check_one_accepted(account, overlap, now)
        ended = _end_the_old(account, now, now + overlap)
        made = make_external_id(account, actor=actor, at=now)
        _ask_for_proofs(made, ended, now)
        bring_up(living_roles(account.pk), at=now)
        _record(made, ended, actor, reason, now)
    return made


def _living_grants(account: PartnerAccount) -> QuerySet[Grant]:
    return Grant.objects.filter(partner_account=account, state__in=stored(LIVING)).order_by("pk")


def _check_one_accepted(account: PartnerAccount, overlap: timedelta, now: datetime) -> None:
    until = (
        account.external_ids.filter(accepted_until__gt=now).values_list("accepted_until", flat=True).first()
    )
    if until is not None and overlap:
        raise ConflictError(
            f"Two ExternalIds are accepted already, the old one until {until:%Y-%m-%d %H:%M} UTC. "
            "Wait for that, or rotate without an overlap: that ends all old ones at once."
        )


def _end_the_old(account: PartnerAccount, now: datetime, until: datetime) -> Sequence[ExternalId]:
    """Have what is accepted end then; return it. What is cut is not to be proven any more."""
    accepted = list(account.external_ids.filter(Q(accepted_until=None) | Q(accepted_until__gt=now)))
    ids = [each.pk for each in accepted]
    ExternalId.objects.filter(pk__in=ids).update(accepted_until=until)
    if until <= now:
        asked = ExternalIdProof.objects.filter(external_id__in=ids, state=ProofState.ASKED.value)
        asked.exclude(kind=ProofKind.WINDOW_OVER.value).delete()
        asked.filter(kind=ProofKind.WINDOW_OVER.value).update(due_at=now)
    return list(ExternalId.objects.filter(pk__in=ids))


def _ask_for_proofs(made: ExternalId, ended: Sequence[ExternalId], now: datetime) -> None:
    """Ask that the new one lets in, and, when their time is over, the old ones don't, wherever roles stand."""
    roles = living_roles(made.partner_account_id)
    for place in AwsAccount.objects.filter(roles__partner_role__in=roles).distinct().order_by("pk"):
        ask_proof(external_id=made, account=place, kind=ProofKind.ROTATION, at=now)
        for each in ended:
            ask_proof(
                external_id=each, account=place, kind=ProofKind.WINDOW_OVER, at=each.accepted_until or now
            )


def _record(made: ExternalId, ended: Sequence[ExternalId], actor: Actor, reason: str, now: datetime) -> None:
    account = made.partner_account
    record(
        Entry(
            type=EventType.EXTERNAL_ID_ROTATED,
            at=now,
            actor=actor,
            partner_id=account.partner_id,
            details={
                "external_id": made.pk,
                "partner_account": str(account.pk),
                "reason": reason,
                "old": {
                    str(each.pk): each.accepted_until.isoformat() for each in ended if each.accepted_until
                },
            },
        )
    )
    outbox.post("access.external_id.rotated", at=now, partner_account=str(account.pk))
