"""The IAM roles by which partners come in from their own accounts: what is written, and what stands."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from brokers.aws.partner_checks import check_spec
from brokers.aws.partner_permissions import permissions
from brokers.aws.role_differences import differences
from brokers.aws.sts import utc_now
from brokers.aws.trust_policy import trust_policy
from brokers.types import PartnerRoleSizes, PartnerRoleSpec, RoleDifference, StandingRole


class RolePolicies:
    """The half of `brokers.ports.PartnerRoleMaker` that calls nobody."""

    def __init__(self, *, now: Callable[[], datetime] = utc_now) -> None:
        self._now = now

    def check(self, spec: PartnerRoleSpec) -> PartnerRoleSizes:
        """Raise as making would before any call; return the sizes of the policies."""
        return check_spec(spec)

    def trust_policy(self, spec: PartnerRoleSpec) -> Mapping[str, Any]:
        """Return the trust policy. Raises as `trust_policy.trust_policy`."""
        return trust_policy(
            spec.principal_arn, spec.external_ids, starts_at=spec.starts_at, ends_at=spec.ends_at
        )

    def permissions(self, spec: PartnerRoleSpec) -> Mapping[str, Any]:
        """Return the inline policy. Raises as `partner_permissions.permissions`."""
        return permissions(spec)

    def differences(self, spec: PartnerRoleSpec, found: StandingRole) -> Sequence[RoleDifference]:
        """Compare what stands with what should, at this moment."""
        return differences(spec, found, now=self._now())
