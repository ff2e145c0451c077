"""As whom AWS is called for a role: the portal's own hub, or one of its account's own."""

from collections.abc import Mapping

from brokers.ports import AwsPorts, CredentialsBroker, EveryCall, Prober
from brokers.types import HubKind, HubSpec
from portal.catalog.models import AccountHub, AwsAccount, AwsRole
from portal.kernel.errors import ConflictError
from portal.kernel.sealing import UnsealError, unseal


def hub_of(account: AwsAccount) -> HubSpec | None:
    """Return the hub of an account's own, its secret opened; None: the portal's is called.

    Raises:
        ConflictError: the secret was sealed with a key that is gone.
    """
    row = hub_row(account)
    if row is None:
        return None
    try:
        secret = unseal(bytes(row.secret)).decode() if row.secret else ""
    except UnsealError:
        raise ConflictError(
            f"The key by which {account.name} is reached can't be opened any more: an admin must enter it again."
        ) from None
    return HubSpec(
        kind=HubKind(row.kind),
        region=row.region,
        access_key_id=row.access_key_id,
        secret_access_key=secret,
        role_arn=row.role_arn,
        external_id=row.external_id,
        token_file=row.token_file,
    )


def hub_row(account: AwsAccount) -> AccountHub | None:
    try:
        return account.hub
    except AccountHub.DoesNotExist:
        return None


def is_chained(role: AwsRole, aws: AwsPorts) -> bool:
    """Whether AssumeRole on it is called with another role's credentials: AWS gives an hour at most then.

    Told by the rows and the settings alone: AWS is not asked.
    """
    if role.via_id is not None:
        return True
    row = hub_row(role.account)
    return aws.hub_is_chained if row is None else row.kind != AccountHub.Kind.KEYS


def plain_calls(role: AwsRole, aws: AwsPorts) -> CredentialsBroker:
    """Return what makes AssumeRole and GetFederationToken for a role. Raises BrokerError: no such hub can be used."""
    spec = hub_of(role.account)
    if spec is None and not role.region:
        return aws.credentials
    return aws.hub_of(spec, role.region).credentials


def every_call(role: AwsRole, aws: AwsPorts) -> EveryCall:
    """Return what makes every call for a role. Raises BrokerError: no such hub can be used."""
    return aws.hub_of(hub_of(role.account), role.region).credentials


def prober(role: AwsRole, aws: AwsPorts) -> Prober:
    """Return what tries out the denies of a role: the hub that it trusts. Raises as `plain_calls`."""
    spec = hub_of(role.account)
    if spec is None and not role.region:
        return aws.prober
    return aws.hub_of(spec, role.region).prober


def reached_as(account: AwsAccount) -> str:
    """Say to whoever holds a grant, partners' people too, as whom AWS is called for it: no key, role or file."""
    return _said(
        account,
        {
            AccountHub.Kind.KEYS: "an IAM user's own key",
            AccountHub.Kind.ROLE: "a hub role of the account's, which the portal's own hub takes first",
            AccountHub.Kind.AMBIENT: "what the machine gives",
            AccountHub.Kind.WEB_IDENTITY: "a hub role of the account's, taken with a token",
        },
    )


def reached_exactly(account: AwsAccount) -> str:
    """Say the same to whoever may see the account's record."""
    row = hub_row(account) or AccountHub()
    return _said(
        account,
        {
            AccountHub.Kind.KEYS: f"an IAM user's own key, {row.access_key_id}",
            AccountHub.Kind.ROLE: f"{row.role_arn}, which the portal's own hub takes first",
            AccountHub.Kind.AMBIENT: "what the machine gives (instance profile, container, SSO)",
            AccountHub.Kind.WEB_IDENTITY: f"{row.role_arn}, taken with the token in {row.token_file}",
        },
    )


def _said(account: AwsAccount, kinds: Mapping[AccountHub.Kind, str]) -> str:
    row = hub_row(account)
    if row is None:
        return "the portal's own hub"
    words = kinds[AccountHub.Kind(row.kind)]
    return f"{words}, by the STS of {row.region}" if row.region else words
