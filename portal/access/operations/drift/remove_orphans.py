"""Take away roles of the portal's in AWS that belong to nothing, where somebody decided that.

Only what carries the portal's own tags is touched: the broker refuses all else, and somebody must look.
"""

import logging
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from brokers.errors import AwsUnavailable, BrokerError, NotPossible
from brokers.ports import AwsPorts
from brokers.types import DriftKind
from portal.access.lifecycle import DriftState, PartnerRoleState
from portal.access.models import PartnerRole, RoleDrift
from portal.access.operations.drift.record_drift import WITH, end_drifts, entry
from portal.access.operations.running.hold import is_held
from portal.audit.events import EventType
from portal.audit.operations import record
from portal.kernel.clock import database_now

log = logging.getLogger(__name__)


def remove_orphans(*, aws: AwsPorts) -> int:
    """Take away what is to go. Returns how many are gone; in hold nothing is written to AWS: 0.

    Where AWS does not answer it stays to be done; where it refuses, somebody must decide anew.
    """
    if is_held():
        return 0
    gone = 0
    for drift in list(_to_go()):
        try:
            _take_away(drift, aws)
        except AwsUnavailable as problem:
            log.warning("%s in %s is not taken away yet: %s", drift.role_name, drift.account, problem)
        except BrokerError as problem:
            _give_up(drift.pk, str(problem))
        else:
            gone += _end(drift.pk)
    return gone


def _to_go() -> QuerySet[RoleDrift]:
    return (
        RoleDrift.objects.filter(
            kind=DriftKind.ORPHANED.value, state=DriftState.REPAIRING.value, over_at=None
        )
        .select_related(*WITH)
        .order_by("decided_at", "pk")
    )


def _take_away(drift: RoleDrift, aws: AwsPorts) -> None:
    place, name, grant = drift.account.place, drift.role_name, aws.grant_of(drift.role_name)
    if grant is None:
        raise NotPossible("It has no name that the portal gives: only a person may take it away, in AWS.")
    living = PartnerRole.objects.filter(role__account=drift.account, role__name=name)
    if living.exclude(state=PartnerRoleState.GONE.value).exists():
        raise NotPossible("It is a living grant's role by now.")
    roles = aws.partners.roles
    roles.close(place, name, grant=str(grant))
    roles.delete(place, name, grant=str(grant))
    if roles.read(place, name) is not None:
        raise AwsUnavailable("iam:DeleteRole", "AWS took the deletion, but shows the role still")


def _give_up(drift_id: UUID, problem: str) -> None:
    with transaction.atomic():
        for drift in _to_go().select_for_update(no_key=True, of=("self",)).filter(pk=drift_id):
            now = database_now()
            drift.state, drift.why = DriftState.OPEN.value, f"It was not taken away: {problem}"[:500]
            drift.decided_at, drift.decided_by, drift.reason = None, None, ""
            drift.save()
            record(entry(EventType.DRIFT_FOUND, drift, now))


def _end(drift_id: UUID) -> int:
    with transaction.atomic():
        drifts = _to_go().select_for_update(no_key=True, of=("self",)).filter(pk=drift_id)
        return end_drifts(drifts, at=database_now())
