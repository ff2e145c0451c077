"""Look at partners' roles in AWS, and compare them with what they should be. Changes nothing, in AWS or here.

What is told was so at two looks: IAM may answer from a copy that is behind.
"""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from brokers.errors import AwsUnavailable, BrokerError
from brokers.ports import AwsPorts
from brokers.types import DriftKind, RoleDifference
from portal.access.models import PartnerRole
from portal.access.operations.drift.record_drift import WHOLE, digest_of
from portal.access.operations.partners.partner_role_spec import spec_of
from portal.kernel.clock import database_now

log = logging.getLogger(__name__)
# Between two looks: what IAM shows late is mostly there by then.
PAUSE = 2.0
Looks = Mapping[PartnerRole, Sequence[RoleDifference]]


@dataclass
class _Looking:
    """`silent`: our accounts that gave no answer, which are not asked again; `problem`: the first of any kind."""

    silent: set[UUID] = field(default_factory=set)
    problem: str = ""


def look_twice(rows: Sequence[PartnerRole], aws: AwsPorts) -> tuple[Looks, str]:
    """Return what is not as it should be of each role that AWS showed; and why not of all, if it didn't."""
    looking = _Looking()
    once = _look_at(rows, aws, looking)
    suspicious = [row for row, differences in once.items() if differences]
    if suspicious:
        time.sleep(PAUSE)
    again = _look_at(suspicious, aws, looking)
    seen: dict[PartnerRole, Sequence[RoleDifference]] = {
        row: [] for row, differences in once.items() if not differences
    }
    for row, differences in again.items():
        before = {(each.part, digest_of(each)) for each in once[row]}
        seen[row] = [each for each in differences if (each.part, digest_of(each)) in before]
    return seen, looking.problem


def _look_at(
    rows: Iterable[PartnerRole], aws: AwsPorts, looking: _Looking
) -> dict[PartnerRole, Sequence[RoleDifference]]:
    seen: dict[PartnerRole, Sequence[RoleDifference]] = {}
    for row in rows:
        if row.role.account_id in looking.silent:
            continue
        try:
            seen[row] = differences_of(row, aws)
        except BrokerError as problem:
            log.warning("%s could not be looked at: %s", row.role.arn, problem)
            looking.problem = looking.problem or str(problem)
            if isinstance(problem, AwsUnavailable):
                looking.silent.add(row.role.account_id)
        except Exception:
            # Whatever somebody wrote there that can't be read: it must not hide the other roles.
            log.exception("%s could not be compared", row.role.arn)
            looking.problem = looking.problem or f"{row.role.name} could not be compared: the log says more."
    return seen


def differences_of(row: PartnerRole, aws: AwsPorts) -> Sequence[RoleDifference]:
    """Ask AWS for one role, and compare. Raises BrokerError."""
    spec = spec_of(row, at=database_now())
    shown = aws.partners.roles.read(spec.place, spec.name)
    if shown is None:
        wanted = {"arn": row.role.arn, "unique_id": row.role.unique_id}
        why = "There is no such role in AWS: the partner can't get in."
        return [RoleDifference(WHOLE, DriftKind.MISSING, wanted, None, why)]
    differences = list(aws.partners.roles.differences(spec, shown))
    if row.role.unique_id and shown.unique_id != row.role.unique_id:
        why = "Somebody deleted the role and made another one of its name."
        wanted, found = {"unique_id": row.role.unique_id}, {"unique_id": shown.unique_id}
        differences.insert(0, RoleDifference(WHOLE, DriftKind.REMADE, wanted, found, why))
    return differences
