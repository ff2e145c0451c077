"""Whose sessions are denied in AWS while nothing here says why: a session's name tells its grant."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from django.db.models import Max, Q

from brokers.ports import AwsPorts
from brokers.types import PrincipalKind
from portal.access.differences import Principal
from portal.access.found_in_aws import LONGEST, NamedGrant
from portal.access.lifecycle import MAY_LIVE, stored
from portal.access.models import Grant, Revocation
from portal.access.operations.drift.beliefs import principal_of_role

_may_live = Q(aws_sessions__state__in=stored(MAY_LIVE))


def read_named_grants(
    denied: Mapping[Principal, Collection[str]], unique_ids: Mapping[Principal, str], aws: AwsPorts
) -> Mapping[Principal, Mapping[str, NamedGrant]]:
    """Return the grant of each denied session, by its principal and its `aws:userid`, in one query.

    Left out are names that the portal never gives, and those of another role's grants. `unique_ids`: as AWS shows
    them now; a session of another id is one of a role that was deleted, and dead.
    """
    ids = {entry: _grant_of(entry, aws) for entries in denied.values() for entry in entries}
    grants = Grant.objects.filter(pk__in={each for each in ids.values() if each is not None})
    grants = grants.select_related("person", "partner_account__partner", "role__account", "revocation")
    here = {
        grant.pk: grant
        for grant in grants.annotate(longest=Max("aws_sessions__expires_at", filter=_may_live))
    }
    found: dict[Principal, dict[str, NamedGrant]] = {principal: {} for principal in denied}
    for principal, entries in denied.items():
        for entry in entries:
            grant_id = ids[entry]
            if grant_id is None:
                continue
            grant = here.get(grant_id)
            if grant is None:
                found[principal][entry] = NamedGrant(str(grant_id), "", is_here=False)
            elif principal_of_role(grant.role) == principal:
                is_its_own = _first_half(principal, unique_ids[principal]) == entry.partition(":")[0]
                found[principal][entry] = _named(grant, principal, is_its_own=is_its_own)
    return found


def _grant_of(entry: str, aws: AwsPorts) -> UUID | None:
    return aws.grant_of(entry.partition(":")[2])


def _first_half(principal: Principal, unique_id: str) -> str:
    return unique_id if principal.kind == PrincipalKind.ROLE else principal.account


def _named(grant: Grant, principal: Principal, *, is_its_own: bool) -> NamedGrant:
    if not is_its_own:
        return NamedGrant(str(grant.pk), f"the grant of {grant}", is_here=True)
    return NamedGrant(
        str(grant.pk),
        f"the grant of {grant}",
        is_here=True,
        is_living=grant.ended_at is None,
        dead_at=_dead_at(grant, principal),
    )


def _dead_at(grant: Grant, principal: Principal) -> datetime | None:
    """Return when the last session of an ended grant is dead at the latest; the revocation reckoned it already."""
    if grant.ended_at is None:
        return None
    revocation: Revocation | None = getattr(grant, "revocation", None)
    if revocation is not None:
        return revocation.covers_until
    moments = [grant.ended_at + LONGEST[principal.kind], getattr(grant, "longest", None)]
    return max(moment for moment in moments if moment is not None)
