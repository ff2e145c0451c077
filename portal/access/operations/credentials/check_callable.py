"""Whether a role's call can carry what a grant asks of it: found out before anything is written or asked of AWS."""

import math
from datetime import datetime

from brokers.ports import AwsPorts
from portal.access.lifecycle import MAY_LIVE, stored
from portal.access.models import AwsSession, Grant, Revocation
from portal.access.operations.credentials.account_hubs import hub_row
from portal.access.operations.credentials.ready_proof import check_proof_kind
from portal.access.operations.cutting.deny_entries import BY_TIME, denied_until
from portal.access.policy import LENGTH_RULES
from portal.access.proofs import ReadyProof, VerifiedProof
from portal.catalog.models import AccountHub, AwsRole
from portal.kernel.errors import BusyError, ConflictError


class NotCallableError(ConflictError):
    """The role's call can't do what is asked of it under this grant."""

    code = "not_callable"


def check_callable(grant: Grant, proof: ReadyProof | None, aws: AwsPorts, now: datetime) -> None:
    """Refuse what AWS would refuse, or would give without its limits. To be called under the grant's lock.

    Raises:
        ProofNeededError: the call takes a proof along, and none came.
        NotCallableError: a scope on a call without a session policy; GetFederationToken from a hub without
            long-lived keys; a session that could not be told from another person's.
        BusyError: sessions of that name were cut off so shortly ago that AWS would deny a new one, too.
    """
    role = grant.role
    rule = LENGTH_RULES[role.method]
    check_proof_kind(role, proof)
    if not rule.carries_end and (grant.scope_policy is not None or grant.scope_managed_policy_arns):
        raise NotCallableError(
            f"{rule.call} takes no session policy, so that this grant's scope could not be kept. "
            "Ask an admin for a grant of another role."
        )
    if role.method == AwsRole.Method.FEDERATION_TOKEN and not _has_long_lived_keys(role, aws):
        raise NotCallableError(
            "GetFederationToken needs an IAM user's own keys, and the portal works on temporary credentials in "
            f"{role.account.name}."
        )
    if isinstance(proof, VerifiedProof) and proof.session_name:
        _check_own_name(grant, proof.session_name, now)
    until = new_denied_until(grant, now)
    if until is not None:
        seconds = math.ceil((until - now).total_seconds())
        raise BusyError(
            f"{why_new_is_denied(grant)} Try again in {seconds} seconds.", retry_after_seconds=seconds
        )


def new_denied_until(grant: Grant, now: datetime) -> datetime | None:
    """Return from when on a new session works; None: now.

    What AWS gave within the margin of a cut would be kept here and handed out, and denied there all the while.
    """
    if grant.role.method not in BY_TIME:
        return None
    # By what it is in AWS: a user may be defined here more than once.
    theirs = Revocation.objects.filter(
        grant__role__account=grant.role.account_id,
        grant__role__name=grant.role.name,
        grant__person=grant.person_id,
        cleaned_at=None,
    )
    entries = (entry for row in theirs.values_list("userids", flat=True) for entry in row)
    until = denied_until(entries)
    return until if until is not None and now < until else None


def why_new_is_denied(grant: Grant) -> str:
    """Say why there is nothing until then."""
    return (
        f"Your sessions of {grant.role.title} were cut off a moment ago, and AWS would deny a new one, too: "
        "they have one name."
    )


def _has_long_lived_keys(role: AwsRole, aws: AwsPorts) -> bool:
    row = hub_row(role.account)
    return not aws.hub_is_chained if row is None else row.kind == AccountHub.Kind.KEYS


def _check_own_name(grant: Grant, session_name: str, now: datetime) -> None:
    """An identity provider that gives one session name to two people would have us cut off both at once."""
    others = AwsSession.objects.filter(
        grant__role=grant.role_id, session_name=session_name, expires_at__gt=now, state__in=stored(MAY_LIVE)
    ).exclude(grant__person=grant.person_id)
    if others.exists():
        raise NotCallableError(
            "The assertion names the session as somebody else's is named, so that the two could not be told apart. "
            "The identity provider's RoleSessionName must be each person's own."
        )
