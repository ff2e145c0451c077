"""From a grant to the one STS call that its role's definition names."""

from brokers.errors import BrokerError
from brokers.ports import AwsPorts
from brokers.types import AssumeRoleCall, FederationTokenCall, IssuedSession, Partition
from portal.access.operations.granting_rules import scope_of
from portal.access.operations.write_sessions import Asked
from portal.catalog.models import AwsRole
from portal.kernel.tallies import count


def call_sts(asked: Asked, aws: AwsPorts) -> IssuedSession:
    """Call, and count how it went: `ok`, or the error's stable code.

    Raises:
        BrokerError: AWS refused or did not answer.
    """
    outcome = "portal.fault"
    try:
        issued = _call(asked, aws)
        outcome = "ok"
    except BrokerError as problem:
        outcome = problem.code
        raise
    finally:
        count("sts_calls", f"{asked.grant.role.method}:{outcome}")
    return issued


def _call(asked: Asked, aws: AwsPorts) -> IssuedSession:
    grant, role = asked.grant, asked.grant.role
    tags = (
        {"SallyportGrant": str(grant.pk), "SallyportPerson": str(grant.person_id)} if role.sends_tags else {}
    )
    if role.method == AwsRole.Method.FEDERATION_TOKEN:
        return aws.credentials.get_federation_token(
            FederationTokenCall(
                partition=Partition(role.account.partition),
                name=asked.session.session_name,
                duration=asked.length.duration,
                ends_at=asked.ends_at,
                scope=scope_of(grant),
                tags=tags,
                user_arn=role.arn,
            )
        )
    return aws.credentials.assume_role(
        AssumeRoleCall(
            role_arn=role.arn,
            session_name=asked.session.session_name,
            duration=asked.length.duration,
            max_session=role.max_session,
            ends_at=asked.ends_at,
            scope=scope_of(grant),
            tags=tags,
            source_identity=aws.source_identity(grant.holder.pk) if role.sets_source_identity else None,
        )
    )


def explain(role: AwsRole, *, hub_is_chained: bool) -> str:
    """Say in a sentence which call gets the credentials, and why that one."""
    if role.is_made_for_partner:
        return (
            f"The partner comes in from its own AWS account: it calls AssumeRole on {role.name}, which was made for "
            "this grant alone, with its ExternalId. The portal issues nothing."
        )
    if role.method == AwsRole.Method.FEDERATION_TOKEN:
        return (
            f"Credentials come from GetFederationToken, called by the user {role.name}: "
            "its definition says so; up to 36 hours, no IAM calls."
        )
    chained = (
        " An hour at most, because the portal itself works on a role's credentials." if hub_is_chained else ""
    )
    return f"Credentials come from AssumeRole on {role.name}: its definition says so.{chained}"
