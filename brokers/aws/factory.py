"""The composition of this package: one hub and all that works with it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from brokers.aws.account_access import AccountAccess
from brokers.aws.account_hubs import AccountHubs
from brokers.aws.console import FederationConsole
from brokers.aws.deny import IamDenyWriter
from brokers.aws.every_call import HubCalls
from brokers.aws.hub import Hub, HubCredentials
from brokers.aws.leftovers import AccountPolicies
from brokers.aws.limits import role_max_session
from brokers.aws.partitions import RoleArn, check_managed_policy_arn
from brokers.aws.partner_ports import partner_ports
from brokers.aws.probe import SessionProber
from brokers.aws.revocation import check_entries
from brokers.aws.session_names import CANARY, grant_of, session_name, source_identity
from brokers.aws.session_policy import role_session_policy
from brokers.ports import AwsPorts
from brokers.types import Partition, Scope


@dataclass(frozen=True, slots=True)
class AwsBrokers:
    """The brokers of one hub, and so of one partition. Build once per process; threads may share it."""

    hub: Hub
    credentials: HubCalls
    console: FederationConsole
    deny: IamDenyWriter
    principals: IamDenyWriter
    policies: AccountPolicies
    prober: SessionProber

    @classmethod
    def build(  # noqa: PLR0913  # keyword-only settings of one hub
        cls,
        *,
        hub: HubCredentials | None = None,
        region: str = "us-east-1",
        endpoint_url: str | None = None,
        signin_endpoint: str | None = None,
        signin_region: str | None = None,
        hub_principal_arn: str = "",
    ) -> "AwsBrokers":
        """Build the brokers. Nothing is called yet.

        `hub` None: the default provider chain. `region` decides the partition and STS's endpoint.
        `endpoint_url` and `signin_endpoint` stand in for AWS (demo and tests only).

        Raises:
            LimitExceeded: an unknown region, or a `signin_endpoint` that isn't an origin.
        """
        made = Hub(hub, region=region, endpoint_url=endpoint_url, principal_arn=hub_principal_arn)
        accounts = AccountAccess(made)
        deny, policies = IamDenyWriter(accounts), AccountPolicies(accounts)
        console = FederationConsole(made, signin_region=signin_region, signin_endpoint=signin_endpoint)
        credentials = HubCalls(made)
        return cls(made, credentials, console, deny, deny, policies, SessionProber(made, credentials))

    def prepare(self) -> None:
        """Do beforehand what takes the first call to STS long: see `Hub.prepare`. IAM's model has roles' own limits."""
        self.hub.prepare()
        role_max_session(timedelta(hours=1))

    def ports(self) -> AwsPorts:
        """Return what the portal asks of AWS. Reads the hub's credentials; raises as `Hub.is_temporary`."""
        return AwsPorts(
            credentials=self.credentials,
            console=self.console,
            deny=self.deny,
            prober=self.prober,
            principals=self.principals,
            policies=self.policies,
            session_name=session_name,
            grant_of=grant_of,
            source_identity=source_identity,
            partners=partner_ports(self.hub),
            canary_name=CANARY,
            check_deny_entries=check_entries,
            check_scope=self.check_scope,
            hub_is_chained=self.hub.is_temporary(),
            hub_of=AccountHubs(self.hub, self.credentials, self.prober).of,
        )

    def check_scope(self, scope: Scope, ends_at: datetime) -> None:
        """Raise as issuing would where `scope` can't be sent, for a role whose path and name are 64 characters each.

        Raises:
            LimitExceeded, NotPossible: see `session_policy.role_session_policy`.
        """
        for arn in scope.managed_policy_arns:
            check_managed_policy_arn(arn, partition=self.hub.partition, account_id=None)
        longest = RoleArn(Partition(self.hub.partition), "0" * 12, f"/{'x' * 62}/", "x" * 64)
        role_session_policy(scope, ends_at=ends_at, role=longest)
