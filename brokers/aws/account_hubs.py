"""The hubs of accounts that have one of their own, and the portal's own hub in other regions.

Source: STS API reference, AssumeRole ("role chaining"), AssumeRoleWithWebIdentity; AWS SDKs and Tools Reference Guide,
"AWS STS Regional endpoints".
"""

import threading
from collections import OrderedDict

from brokers.aws.aws_errors import translated
from brokers.aws.every_call import HubCalls
from brokers.aws.hub import Hub, HubCredentials
from brokers.aws.hub_sessions import HOUR, as_hub, become, in_botocores_form
from brokers.aws.limits import external_id, web_identity_token
from brokers.aws.partitions import RoleArn, parse_role_arn, require_partition
from brokers.aws.probe import SessionProber
from brokers.aws.token_files import read_token
from brokers.ports import EveryCall, HubPorts, Prober
from brokers.types import HubKind, HubSpec

# A hub with its clients holds some megabytes; more accounts than this with a hub of their own take turns.
_KEPT = 64
_SESSION_NAME = "sallyport-hub"


class AccountHubs:
    """Builds each hub once and keeps it, the 64 that were asked for last. Safe to share between threads.

    All of them ask the same stand-in for AWS as the portal's own hub, where that has one.
    """

    def __init__(self, own: Hub, calls: EveryCall, prober: Prober) -> None:
        self._own = own
        self._own_ports = calls, prober
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[HubSpec | None, str], tuple[Hub, EveryCall, Prober]] = OrderedDict()

    def of(self, hub: HubSpec | None, region: str) -> HubPorts:
        """Return the ports of a hub in a region; of the portal's own for None. Nothing is called yet.

        Raises:
            LimitExceeded: an unknown region, a malformed role or ExternalId.
            NotPossible: another partition than the hub's; no credentials where the machine should give them.
        """
        if hub is None and region in {"", self._own.region}:
            calls, prober = self._own_ports
            return HubPorts(calls, self._own.is_temporary(), prober)
        made, calls, prober = self._found(hub, region)
        return HubPorts(calls, _is_chained(hub, made), prober)

    def _found(self, hub: HubSpec | None, region: str) -> tuple[Hub, EveryCall, Prober]:
        with self._lock:
            if (hub, region) not in self._kept:
                made = self._made(hub, region)
                calls = HubCalls(made)
                self._kept[hub, region] = made, calls, SessionProber(made, calls)
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end((hub, region))
            return self._kept[hub, region]

    def _made(self, hub: HubSpec | None, region: str) -> Hub:
        if hub is None:
            other = self._own.in_region(region)
            # A key of one partition is none in another.
            require_partition(other.partition, self._own.partition, what="The region")
            return other
        region = region or hub.region or self._own.region
        if hub.kind is HubKind.KEYS:
            key = HubCredentials(hub.access_key_id, hub.secret_access_key)
            return self._own.in_region(region, credentials=key)
        if hub.kind is HubKind.AMBIENT:
            return self._own.in_region(region, ambient=True)
        role = parse_role_arn(hub.role_arn, field="role_arn")
        unsigned = self._own.in_region(region, ambient=True)
        require_partition(role.partition, unsigned.partition, what="The hub's role")
        if hub.kind is HubKind.ROLE:
            return self._by_role(hub, role, region)
        return self._own.in_region(region, refresh=lambda: _by_token(unsigned, role, hub.token_file))

    def _by_role(self, hub: HubSpec, role: RoleArn, region: str) -> Hub:
        require_partition(role.partition, self._own.partition, what="The hub's role")
        if hub.external_id:
            external_id(hub.external_id)
        return self._own.in_region(
            region,
            refresh=lambda: become(
                self._own,
                role,
                session_name=_SESSION_NAME,
                policy=as_hub(),
                seconds=HOUR,
                external_id=hub.external_id or None,
            ),
        )


def _is_chained(hub: HubSpec | None, made: Hub) -> bool:
    if hub is not None and hub.kind is HubKind.KEYS:
        return False
    # A role's credentials are temporary, whether fetched already or not: nothing is called to know it.
    return (hub is not None and hub.kind is not HubKind.AMBIENT) or made.is_temporary()


def _by_token(hub: Hub, role: RoleArn, token_file: str) -> dict[str, str]:
    """Return a role's credentials by the token that stands in a file now: whoever writes it renews it."""
    token = read_token(token_file)
    web_identity_token(token)
    # The token is the hub's: nobody who asks can bring a better one.
    with translated(f"sts:AssumeRoleWithWebIdentity of {role}"):
        answer = hub.sts().assume_role_with_web_identity(
            RoleArn=str(role),
            RoleSessionName=_SESSION_NAME,
            WebIdentityToken=token,
            DurationSeconds=HOUR,
            Policy=as_hub(),
        )
        return in_botocores_form(answer["Credentials"])
