"""The hub: the AWS identity that the portal itself calls with, and the clients that use it, built once.

A Session with its client costs 60 ms of CPU to build and a call 1 ms, so clients are kept; they are safe to
share between threads, building them is not, hence the lock.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import boto3.session
import botocore.session
from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver, DeferredRefreshableCredentials

from brokers.aws.aws_errors import translated
from brokers.aws.hub_policies import hub_principal
from brokers.aws.partitions import require_account_id, require_partition
from brokers.aws.service_model import endpoint_of, sts_regions
from brokers.aws.shown import shown
from brokers.errors import LimitExceeded, NotPossible
from brokers.types import Partition

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_sts import STSClient

# Fetches credentials anew, in botocore's own form of them.
Refresh = Callable[[], dict[str, str]]
# Each account's IAM client holds about a megabyte; an estate has hundreds of accounts.
_KEPT_IAM_CLIENTS = 64
_KEPT_OTHERS = 64

# Everything that botocore has a default for and that defaults have changed, spelled out.
CONFIG = Config(  # type: ignore[call-arg]  # the stubs lack ignore_configured_endpoint_urls
    connect_timeout=3,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=20,
    tcp_keepalive=True,
    ignore_configured_endpoint_urls=True,
    proxies={},
    user_agent_extra="sallyport",
)


@dataclass(frozen=True, slots=True)
class HubCredentials:
    """The hub's access key. With a session token it is temporary, and each AssumeRole with it is chaining."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


class Hub:
    """The hub's own identity and its clients. One hub lives in one partition: that of `region`.

    `credentials` None: the default provider chain (instance role, container, SSO, environment).
    `endpoint_url`: a stand-in for AWS (demo, tests); None: AWS's own regional endpoints.
    `principal_arn`: the hub's role with its path, which STS tells nobody; empty: what STS tells is all.
    `refresh`: fetches the hub's own credentials, when they are first needed and before each expiry.

    Raises:
        LimitExceeded: `region` is none of AWS's.
        NotPossible: the environment names an AWS profile that isn't there.
    """

    def __init__(
        self,
        credentials: HubCredentials | None = None,
        *,
        region: str,
        endpoint_url: str | None = None,
        principal_arn: str = "",
        refresh: Refresh | None = None,
    ) -> None:
        self.region = region
        self.partition = partition_of(region)
        self._credentials = credentials
        self._refresh = refresh
        self._endpoint_url = endpoint_url
        self._principal_arn = principal_arn
        self._lock = threading.Lock()
        with translated("The hub's session"):
            self._core = _core_session(region)
            self._session = self._hub_session()
        self._sts: STSClient | None = None
        self._iam: OrderedDict[str | None, IAMClient] = OrderedDict()
        self._others: OrderedDict[tuple[str, str], Any] = OrderedDict()
        self._identity: tuple[str, str] | None = None

    def sts(self) -> "STSClient":
        """Return the STS client of the hub's region."""
        with self._lock, translated("The hub's session"):
            if self._sts is None:
                self._sts = self._session.client("sts", config=CONFIG, endpoint_url=self._endpoint_url)
            return self._sts

    def prepare(self) -> None:
        """Read AWS's models and build what the first call would wait for. Nothing is called, nobody asked.

        A client on the default provider chain is not built: that asks the machine for its credentials.
        """
        if self._credentials is None and self._refresh is None:
            self.sts_as("unused", "unused")
        else:
            self.sts()

    def in_region(
        self,
        region: str,
        *,
        credentials: HubCredentials | None = None,
        refresh: Refresh | None = None,
        ambient: bool = False,
    ) -> "Hub":
        """Return a hub of its own for a region: on these credentials, or on what the machine gives (`ambient`).

        Without any of them on what this hub has. It asks the same stand-in. Raises as Hub itself.
        """
        if credentials is None and refresh is None and not ambient:
            credentials, refresh = self._credentials, self._refresh
        return Hub(credentials, region=region, endpoint_url=self._endpoint_url, refresh=refresh)

    def cognito(self, region: str) -> Any:
        """Return the client of a region's identity pools. Only the call for developers is signed, as the hub."""
        return self._other(("cognito-identity", region), lambda: self._of_region("cognito-identity", region))

    def sts_in(self, region: str) -> "STSClient":
        """Return the STS client of a region, the hub's own for an empty one."""
        if region in {"", self.region}:
            return self.sts()
        require_partition(partition_of(region), self.partition, what="The region")
        return cast("STSClient", self._other(("sts in", region), lambda: self._of_region("sts", region)))

    def sts_through(self, kept_as: str, refresh: Refresh) -> "STSClient":
        """Return an STS client that works as a role; `refresh` as in `iam`."""
        return cast("STSClient", self._other(("sts", kept_as), lambda: self._role_client("sts", refresh)))

    def sts_as(
        self, access_key_id: str, secret_access_key: str, session_token: str | None = None
    ) -> "STSClient":
        """Return an STS client for credentials of the caller's. Not kept; 2 ms, as the model is read already."""
        with self._lock, translated("The hub's session"):
            return self._session.client(
                "sts",
                config=CONFIG,
                endpoint_url=self._endpoint_url,
                aws_access_key_id=access_key_id,
                aws_secret_access_key=secret_access_key,
                aws_session_token=session_token,
            )

    def iam(self, kept_as: str | None, refresh: Refresh) -> "IAMClient":
        """Return the IAM client that works as a role; the same for the same `kept_as`. None: as the hub itself.

        `refresh` obtains the role's credentials in botocore's form. It is called at the first call made with
        the client and then shortly before each expiry, by one thread at a time.
        """
        with self._lock, translated("The hub's session"):
            if kept_as not in self._iam:
                self._iam[kept_as] = self._iam_client(kept_as, refresh)
                if len(self._iam) > _KEPT_IAM_CLIENTS:
                    self._iam.popitem(last=False)
            self._iam.move_to_end(kept_as)
            return self._iam[kept_as]

    def iam_as(self, access_key_id: str, secret_access_key: str, session_token: str) -> "IAMClient":
        """Return an IAM client for credentials of the caller's. Not kept: it costs some 60 ms to build."""
        with self._lock, translated("The hub's session"):
            return self._session.client(
                "iam",
                config=CONFIG,
                endpoint_url=self._endpoint_url,
                aws_access_key_id=access_key_id,
                aws_secret_access_key=secret_access_key,
                aws_session_token=session_token,
            )

    def endpoint(self, service: str) -> tuple[str, str]:
        """Return where a service is called that no client is kept for, and the region to sign for."""
        url, region = endpoint_of(service, self.region, self.partition)
        return (self._endpoint_url.rstrip("/") if self._endpoint_url else url), region

    def is_temporary(self) -> bool:
        """Say whether the hub's credentials are temporary now: AssumeRole then chains.

        Raises:
            NotPossible: there are none.
            AwsUnavailable: the provider chain gave no usable answer.
        """
        with translated("The hub's credentials"):
            found = self._session.get_credentials()
            if found is None:
                raise NotPossible("The hub has no AWS credentials. Give it an access key or a role.")
            return found.get_frozen_credentials().token is not None

    def account_id(self) -> str:
        """Return the hub's account, asked of STS once."""
        return require_account_id(self._caller()[0])

    def caller_arn(self) -> str:
        """Return who the hub is to AWS, asked of STS once: a user's ARN, or an assumed role's."""
        return self._caller()[1]

    def principal(self) -> str:
        """Return whom a trust policy names for the hub: a user or a role, with its path.

        Raises:
            NotPossible: it is neither, or is told to be another one than STS says.
        """
        return hub_principal(self.caller_arn(), self._principal_arn)

    def _caller(self) -> tuple[str, str]:
        if self._identity is None:
            with translated("sts:GetCallerIdentity"):
                found = self.sts().get_caller_identity()
                self._identity = found["Account"], found["Arn"]
        return self._identity

    def _hub_session(self) -> boto3.session.Session:
        given = self._credentials
        if given is not None:
            self._core.set_credentials(given.access_key_id, given.secret_access_key, given.session_token)
        if self._refresh is not None:
            _provide(self._core, self._refresh)
        return boto3.session.Session(botocore_session=self._core)

    def _iam_client(self, kept_as: str | None, refresh: Refresh) -> "IAMClient":
        if kept_as is None:
            return self._session.client("iam", config=CONFIG, endpoint_url=self._endpoint_url)
        return cast("IAMClient", self._role_client("iam", refresh))

    def _of_region(self, service: str, region: str) -> Any:
        make: Any = self._session.client  # the stubs know a client by the literal name of its service only
        return make(service, region_name=region, config=CONFIG, endpoint_url=self._endpoint_url)

    def _role_client(self, service: str, refresh: Refresh) -> Any:
        core = _core_session(self.region)
        _provide(core, refresh)
        # The hub's loader has the models in its cache already; IAM's is large.
        core.register_component("data_loader", self._core.get_component("data_loader"))
        return core.create_client(service, config=CONFIG, endpoint_url=self._endpoint_url)

    def _other(self, kept_as: tuple[str, str], make: Callable[[], Any]) -> Any:
        with self._lock, translated("The hub's session"):
            if kept_as not in self._others:
                self._others[kept_as] = make()
                if len(self._others) > _KEPT_OTHERS:
                    self._others.popitem(last=False)
            self._others.move_to_end(kept_as)
            return self._others[kept_as]


class _RoleCredentials(DeferredRefreshableCredentials):
    """Fetched at first use and 5 minutes before expiry, by one thread while the others go on.

    botocore's own figures (15 and 10 minutes) would fetch a 15-minute session anew for every call.
    """

    _advisory_refresh_timeout = 300
    _mandatory_refresh_timeout = 120


class _RoleProvider(CredentialProvider):
    METHOD = "sallyport"

    def __init__(self, refresh: Refresh) -> None:
        super().__init__()
        self._refresh = refresh

    def load(self) -> _RoleCredentials:
        return _RoleCredentials(self._refresh, self.METHOD)


def _core_session(region: str) -> botocore.session.Session:
    session = botocore.session.Session()
    session.set_config_variable("region", region)
    session.set_config_variable("sts_regional_endpoints", "regional")
    return session


def _provide(core: botocore.session.Session, refresh: Refresh) -> None:
    core.register_component("credential_provider", CredentialResolver([_RoleProvider(refresh)]))


def partition_of(region: str) -> Partition:
    """Return the partition that a region is in, or raise LimitExceeded."""
    for partition in Partition:
        if region in sts_regions(partition.value):
            return partition
    raise LimitExceeded("Region", shown(region), "a region of AWS, AWS China or AWS GovCloud")
