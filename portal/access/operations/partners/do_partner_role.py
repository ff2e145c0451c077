"""Bring one partner's role to AWS, or take it away. The caller holds its lease; no transaction is open.

Making waits for the proof of the partner's ExternalId in that account. Taking away goes in an order in which each
step leaves less than there was: nobody gets in and who is in can do nothing, then it is deleted, then AWS says that it
is not there. Every call can be repeated, so that whoever dies is followed from any step.
"""

import logging

from brokers.errors import BrokerError
from brokers.ports import AwsPorts
from portal.access.lifecycle import PartnerRoleState
from portal.access.models import PartnerRole
from portal.access.operations.cutting.apply_revocations import OvertakenError, UnexpectedError
from portal.access.operations.partners.partner_role_leases import RoleLease, renew_role_lease
from portal.access.operations.partners.partner_role_spec import grant_tag, spec_of
from portal.access.operations.partners.proofs import why_not_written
from portal.access.operations.partners.record_partner_roles import (
    record_closed,
    record_failing,
    record_gone,
    record_standing,
    record_waiting,
)
from portal.kernel.clock import database_now

log = logging.getLogger(__name__)


class StillThereError(BrokerError):
    """AWS took the deletion, but shows the role all the same."""

    code = "aws.still_there"

    def __str__(self) -> str:
        return "AWS took the deletion of the role, but shows it still"


def do_partner_role(lease: RoleLease, aws: AwsPorts) -> BrokerError | None:
    """Do what is due and record it. Returns what went wrong, which is recorded too."""
    try:
        if lease.row.state == PartnerRoleState.CLOSING:
            _take_away(lease, aws)
        else:
            _bring(lease, aws)
    except OvertakenError:
        return None
    except BrokerError as problem:
        record_failing(lease, problem)
        return problem
    except Exception as fault:
        record_failing(lease, UnexpectedError(type(fault).__name__))
        raise
    return None


def _bring(lease: RoleLease, aws: AwsPorts) -> None:
    row, now = lease.row, database_now()
    if what_for := why_not_written(row, at=now):
        record_waiting(lease, what_for)
        return
    spec = spec_of(row, at=now)
    if spec.ends_at <= now:
        record_waiting(lease, "Its end has come: it is about to be taken away.")
        return
    shown = aws.partners.roles.make(spec)
    if not record_standing(lease, shown):
        _undo_if_gone(lease, aws)


def _take_away(lease: RoleLease, aws: AwsPorts) -> None:
    row, roles = lease.row, aws.partners.roles
    place, name, tag = row.role.account.place, row.role.name, grant_tag(row.grant)
    if row.closed_at is None:
        was_there = roles.close(place, name, grant=tag)
        if not record_closed(lease, was_there=was_there):
            raise OvertakenError
    _renew(lease)
    roles.delete(place, name, grant=tag)
    _renew(lease)
    if roles.read(place, name) is not None:
        raise StillThereError
    record_gone(lease)


def _renew(lease: RoleLease) -> None:
    if not renew_role_lease(lease):
        raise OvertakenError


def _undo_if_gone(lease: RoleLease, aws: AwsPorts) -> None:
    """Take away what was made for a row that another worker had called gone meanwhile: nobody else would."""
    row = PartnerRole.objects.select_related("role__account", "grant").get(pk=lease.row.pk)
    if row.state == PartnerRoleState.GONE:
        log.warning("%s was made after its end: it is taken away again", row.role.arn)
        place, name, tag = row.role.account.place, row.role.name, grant_tag(row.grant)
        aws.partners.roles.close(place, name, grant=tag)
        aws.partners.roles.delete(place, name, grant=tag)
