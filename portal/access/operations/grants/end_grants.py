"""The end of grants, whatever the cause: the doors close here, in one transaction, before anything is asked of AWS.

In the transaction that the caller holds: the state changes, unclicked console links die, each grant that may have
live sessions gets its revocation (a row before it is an act), each grant its audit row, and one outbox message
wakes the worker that brings the denies to AWS.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from portal.access.lifecycle import MAY_LIVE, GrantState, RevocationState, refusal, stored
from portal.access.models import AwsSession, ConsoleLink, DenyDocument, Grant, Revocation
from portal.access.operations.credentials.credential_slots import empty_slots
from portal.access.operations.cutting.deny_entries import deny_entry, expected_userid
from portal.access.operations.partners.close_partner_roles import close_partner_roles
from portal.access.policy import dead_at
from portal.audit.events import EventType
from portal.audit.operations import Entry, record_all
from portal.catalog.models import AwsRole
from portal.catalog.models.roles import PROOF_METHODS
from portal.kernel import outbox
from portal.kernel.actor import Actor
from portal.kernel.errors import ConflictError
from portal.kernel.tallies import count


@dataclass(frozen=True, slots=True)
class Ending:
    """How grants end: the state they go to, by whom, why, when. `cuts` False: live sessions run to their own end."""

    state: GrantState
    event: EventType
    actor: Actor
    at: datetime
    reason: str
    cuts: bool = True

    def columns(self) -> dict[str, Any]:
        """Return what an ended grant's row says, by column."""
        return {
            "state": self.state.value,
            "ended_at": self.at,
            "ended_by_id": self.actor.person_id,
            "end_reason": self.reason,
            "sessions_run_out": not self.cuts,
        }

    def details(self, *, cuts: bool) -> dict[str, Any]:
        """Return what the trail says of each grant that ended so, but for the end that it should have had."""
        ran_out = {} if self.cuts else {"sessions_run_out": True}
        return {"reason": self.reason, "cuts_sessions": cuts, **ran_out}


def end_locked_grants(grants: Sequence[Grant], ending: Ending) -> list[Revocation]:
    """End grants whose rows the caller has locked, with `role__account` loaded. Returns the new revocations.

    Raises:
        ConflictError: one of them can't go to that state any more; nothing is changed then.
    """
    for grant in grants:
        if why := refusal(GrantState(grant.state), ending.state):
            raise ConflictError(f"Nothing was changed: {why}.")
    ids = [grant.pk for grant in grants]
    Grant.objects.filter(pk__in=ids).update(**ending.columns())
    ConsoleLink.objects.filter(grant__in=ids, used_at=None).delete()
    empty_slots([*ids, *_sharing_names(grants)])
    # A partner's role has no sessions of the portal's: it goes as a whole, whatever lets others' run out.
    close_partner_roles(grants, ending.at)
    revocations = plan_revocations(grants, ending.at) if ending.cuts else []
    note_ended(grants, ending, {revocation.grant_id for revocation in revocations})
    return revocations


def _sharing_names(grants: Sequence[Grant]) -> Collection[UUID]:
    """Return the living grants whose sessions AWS calls as these': a deny of these reaches what is kept of them."""
    needing = AwsRole.objects.filter(
        pk__in={grant.role_id for grant in grants}, method__in=PROOF_METHODS
    ).values_list("pk", flat=True)
    roles = set(needing)
    if not roles:
        return ()
    people = {grant.person_id for grant in grants if grant.role_id in roles}
    return Grant.objects.filter(person__in=people, role__in=roles, ended_at=None).values_list("pk", flat=True)


def plan_revocations(grants: Sequence[Grant], at: datetime) -> list[Revocation]:
    """Make the revocations of those ended grants that may have live sessions; the caller has locked the grants.

    None for a role without a kill switch: nothing can be written there, and whoever granted it accepted that.
    """
    left = _what_is_left(grants, at)
    roles = {one.role.pk: one.role for one in left.values() if one.role.has_kill_switch}
    documents = _documents(roles.values())
    return Revocation.objects.bulk_create(
        Revocation(
            grant=grant,
            document=documents[grant.role_id],
            userids=sorted(left[grant.pk].userids),
            state=RevocationState.PENDING.value,
            asked_at=at,
            covers_until=left[grant.pk].until,
            next_try_at=at,
        )
        for grant in grants
        if grant.pk in left and grant.role_id in roles
    )


@dataclass
class _Left:
    """What of one grant may live in AWS: under which names, until when."""

    role: AwsRole
    until: datetime
    userids: set[str] = field(default_factory=set)


def may_be_left(at: datetime) -> Q:
    """Sessions of which something may live: themselves, or a console that was made of them."""
    unended = Q(expires_at__gt=at) | Q(ends_at__gt=at) | Q(ends_at=None)
    return unended & Q(state__in=stored(MAY_LIVE))


def _what_is_left(grants: Sequence[Grant], at: datetime) -> Mapping[UUID, _Left]:
    by_id = {grant.pk: grant for grant in grants}
    sessions = list(AwsSession.objects.filter(may_be_left(at), grant__in=list(by_id)))
    # Read anew: what the locking statement joined may be older than the sessions, whose key the role's id is.
    roles = AwsRole.objects.select_related("account").in_bulk(
        {by_id[session.grant_id].role_id for session in sessions}
    )
    left: dict[UUID, _Left] = {}
    for session in sessions:
        grant = by_id[session.grant_id]
        role = roles[grant.role_id]
        until = dead_at(
            session.expires_at,
            (session.ends_at or grant.ends_at) if role.carries_end else None,
            at=at,
            makes_console=role.is_role,
        )
        if until > at:
            userid = session.userid or expected_userid(role, session)
            if userid:
                one = left.setdefault(grant.pk, _Left(role, until))
                one.until = max(one.until, until)
                one.userids.add(deny_entry(role, userid, at=at))
    return left


def _documents(roles: Collection[AwsRole]) -> Mapping[UUID, DenyDocument]:
    """Return each role's document by the role's id; makes those that are missing, in three statements for all.

    Made in the order of their key, so that two sweeps that make the same ones wait, and never for each other.
    """
    keys = {role.pk: (role.account_id, role.deny_target.kind.value, role.deny_target.name) for role in roles}
    DenyDocument.objects.bulk_create(
        [
            DenyDocument(account_id=account, kind=kind, name=name)
            for account, kind, name in sorted(set(keys.values()))
        ],
        ignore_conflicts=True,
    )
    found = {
        (document.account_id, document.kind, document.name): document
        for document in DenyDocument.objects.filter(account__in={account for account, _, _ in keys.values()})
    }
    return {role_id: found[key] for role_id, key in keys.items()}


def note_ended(grants: Sequence[Grant], ending: Ending, cut: Collection[UUID]) -> None:
    """Write what the trail and the outbox say of grants that were ended; `cut` has a revocation."""
    record_all(
        Entry(
            type=ending.event,
            at=ending.at,
            actor=ending.actor,
            grant_id=grant.pk,
            person_id=grant.person_id,
            role_id=grant.role_id,
            partner_id=grant.partner_account.partner_id if grant.partner_account else None,
            details={**ending.details(cuts=grant.pk in cut), "ends_at": grant.ends_at.isoformat()},
        )
        for grant in grants
    )
    announce_ended(ending, len(grants))


def announce_ended(ending: Ending, number: int) -> None:
    outbox.post("access.grants.ended", at=ending.at, state=ending.state.value, count=str(number))
    transaction.on_commit(lambda: count("grants_ended", ending.state.value, number), robust=True)
