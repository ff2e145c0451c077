"""A fake AWS at the ports: deny documents in memory, faults that a test sets, nothing of boto3.

Names, the deny document and the rule for destinations are the broker's own pure functions, so that what the
portal stores and refuses is what it would in production.
"""

import base64
import json
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from zlib import crc32

from brokers.aws.partitions import check_destination
from brokers.aws.revocation import deny_document
from brokers.aws.session_names import CANARY, grant_of, session_name, source_identity
from brokers.errors import AwsAccessDenied, AwsRefused, AwsUnavailable, BrokerError, LimitExceeded
from brokers.ports import AwsPorts, HubPorts
from brokers.types import (
    AssumeRoleCall,
    CognitoCall,
    Credentials,
    DenyPolicySize,
    DenyTarget,
    DeveloperIdentityCall,
    FederationTokenCall,
    HubKind,
    HubSpec,
    IssuedSession,
    OwnPolicy,
    Partition,
    PrincipalKind,
    ProbeAnswer,
    ProbeCall,
    RootTaskCall,
    SamlCall,
    Scope,
    SessionTokenCall,
    SignInUrl,
    StandingDeny,
    WebIdentityCall,
)
from tests.fake_partners import FakePartners

CONSOLE = "https://console.aws.amazon.com/"
KEY_ID = "ASIAFAKE"
SECRET = "secret/that+stands=nowhere"
TOKEN = "session-token-that-stands-nowhere"
SIGN_IN_URL = "https://signin.aws.amazon.com/federation?Action=login&SigninToken=only-for-this-browser"
ORIGINS = ("https://signin.aws.amazon.com", "https://*.console.aws.amazon.com")
T = TypeVar("T")
UNAVAILABLE = AwsUnavailable("fake:Call", "ReadTimeoutError")
DENIED = AwsAccessDenied("fake:Call", "AccessDenied", "not authorized")
GONE = AwsRefused("fake:Call", "NoSuchEntity", "there is no such role")


@dataclass
class FakeAws:
    """Set `fail[operation]` to an error, or `before[operation]`/`after[operation]` to what runs around a call.

    Operations: the credential calls by their names at the port (assume_role, get_federation_token…),
    sign_in_url, read, write, probe, unique_id, own_policies. An error in
    `lose_answer` is raised after the call took effect. `room`: how many entries a principal has room for.
    `blind` counts probes that AWS still allows though the deny stands (IAM propagates late); `no_rights` makes
    every probe answer that the role lacks the right. `gone`: names of principals that are not there any more;
    `silent`: numbers of accounts that answer nothing of IAM. `policies`: managed policies left behind, by account.
    """

    documents: dict[DenyTarget, StandingDeny] = field(default_factory=dict)
    role_ids: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    fail: dict[str, BrokerError] = field(default_factory=dict)
    lose_answer: dict[str, BrokerError] = field(default_factory=dict)
    before: dict[str, Callable[[], object]] = field(default_factory=dict)
    after: dict[str, Callable[[], object]] = field(default_factory=dict)
    scope_problem: BrokerError | None = None
    hub_is_chained: bool = False
    hidden_reads: int = 0
    room: int = 1000
    blind: int = 0
    no_rights: bool = False
    gone: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    policies: dict[str, list[OwnPolicy]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    partners: FakePartners = field(init=False)

    def __post_init__(self) -> None:
        self.partners = FakePartners(self._call)

    def ports(self) -> AwsPorts:
        return AwsPorts(
            credentials=self,
            console=self,
            deny=self,
            prober=self,
            principals=self,
            policies=self,
            session_name=session_name,
            grant_of=grant_of,
            source_identity=source_identity,
            partners=self.partners.ports(),
            canary_name=CANARY,
            check_deny_entries=check_deny_entries,
            check_scope=self.check_scope,
            hub_is_chained=self.hub_is_chained,
            hub_of=self.hub_of,
        )

    def role_id(self, name: str) -> str:
        return self.role_ids.setdefault(name, role_id_of(name))

    def denied(self) -> set[str]:
        return {userid for standing in self.documents.values() for userid in standing.entries}

    def asked(self, operation: str) -> list[Any]:
        return [asked for name, asked in self.calls if name == operation]

    def count(self, operation: str) -> int:
        return len(self.asked(operation))

    def assume_role(self, call: AssumeRoleCall) -> IssuedSession:
        name = call.role_arn.rpartition("/")[2]
        userid = f"{self.role_id(name)}:{call.session_name}"
        return self._call("assume_role", call, lambda: _issued(userid, call.duration))

    def get_federation_token(self, call: FederationTokenCall) -> IssuedSession:
        return self._call(
            "get_federation_token", call, lambda: _issued(f"111111111111:{call.name}", call.duration)
        )

    def assume_role_with_saml(self, call: SamlCall) -> IssuedSession:
        userid = f"{self.role_id(call.role_arn.rpartition('/')[2])}:{call.session_name}"
        return self._call("assume_role_with_saml", call, lambda: _issued(userid, call.duration))

    def assume_role_with_web_identity(self, call: WebIdentityCall) -> IssuedSession:
        userid = f"{self.role_id(call.role_arn.rpartition('/')[2])}:{call.session_name}"
        return self._call("assume_role_with_web_identity", call, lambda: _issued(userid, call.duration))

    def get_session_token(self, call: SessionTokenCall) -> IssuedSession:
        return self._call(
            "get_session_token",
            call,
            lambda: _issued(user_id_of(call.user_arn.rpartition("/")[2]), call.duration),
        )

    def get_cognito_credentials(self, call: CognitoCall) -> IssuedSession:
        userid = f"{self.role_id(call.role_arn.rpartition('/')[2])}:CognitoIdentityCredentials"
        identity = f"eu-central-1:00000000-0000-4000-8000-{crc32(_whose(call.logins).encode()):012d}"
        return self._call(
            "get_cognito_credentials",
            call,
            lambda: replace(_issued(userid, timedelta(hours=1)), identity_id=identity),
        )

    def get_developer_credentials(self, call: DeveloperIdentityCall) -> IssuedSession:
        userid = f"{self.role_id(call.role_arn.rpartition('/')[2])}:{call.session_name}"
        return self._call("get_developer_credentials", call, lambda: _issued(userid, call.duration))

    def assume_root(self, call: RootTaskCall) -> IssuedSession:
        return self._call("assume_root", call, lambda: _issued(call.account_id, call.duration))

    def hub_of(self, hub: HubSpec | None, region: str) -> HubPorts:
        self.calls.append(("hub_of", (hub, region)))
        temporary = self.hub_is_chained if hub is None else hub.kind is not HubKind.KEYS
        return HubPorts(credentials=self, is_chained=temporary, prober=self)

    def sign_in_url(
        self,
        credentials: Credentials,
        *,
        partition: Partition,
        destination: str,
        issuer: str,
        session_duration: timedelta | None,
    ) -> SignInUrl:
        asked = {
            "key": credentials.access_key_id,
            "partition": partition,
            "destination": destination,
            "issuer": issuer,
            "session_duration": session_duration,
        }
        return self._call(
            "sign_in_url", asked, lambda: SignInUrl(SIGN_IN_URL, datetime.now(UTC) + timedelta(minutes=15))
        )

    def check_destination(self, partition: Partition, destination: str) -> None:
        check_destination(partition, destination)

    def sign_in_origins(self) -> tuple[str, ...]:
        return ORIGINS

    def read(self, target: DenyTarget) -> StandingDeny:
        if self.hidden_reads:
            self.hidden_reads -= 1
            return StandingDeny()
        self._find(target)
        return self._call("read", target, lambda: self.documents.get(_key(target), StandingDeny()))

    def write(
        self, target: DenyTarget, entries: Collection[str], *, issued_before: datetime | None = None
    ) -> None:
        if len(entries) > self.room:
            raise LimitExceeded(f"Denied sessions of {target.name}", f"{len(entries)}", f"{self.room}")
        standing = StandingDeny(
            frozenset(entries), issued_before, (DenyPolicySize("SallyportRevoked", 200, len(entries)),)
        )

        if entries:
            self._find(target)

        def put() -> None:
            if not entries:
                kept = [each for each in self.policies.get(target.account_id, []) if not _holds(each, target)]
                self.policies[target.account_id] = kept
            if entries or issued_before:
                self.documents[_key(target)] = standing
            else:
                self.documents.pop(_key(target), None)

        self._call("write", standing, put)

    def probe(self, call: ProbeCall) -> ProbeAnswer:
        return self._call("probe", call, lambda: self._answer(call))

    def _answer(self, call: ProbeCall) -> ProbeAnswer:
        if self.no_rights:
            return ProbeAnswer.NOT_ALLOWED
        if not any(entry.endswith(f":{call.session_name}") for entry in self.denied()):
            return ProbeAnswer.ALLOWED
        if self.blind:
            self.blind -= 1
            return ProbeAnswer.ALLOWED
        return ProbeAnswer.EXPLICIT_DENY

    def unique_id(self, target: DenyTarget) -> str:
        self._find(target)
        read = user_id_of if target.kind == PrincipalKind.USER else self.role_id
        return self._call("unique_id", target, lambda: read(target.name))

    def own_policies(self, target: DenyTarget) -> Sequence[OwnPolicy]:
        if target.account_id in self.silent:
            raise UNAVAILABLE
        return self._call("own_policies", target, lambda: list(self.policies.get(target.account_id, [])))

    def _find(self, target: DenyTarget) -> None:
        if target.account_id in self.silent:
            raise UNAVAILABLE
        if target.name in self.gone:
            raise GONE

    def check_scope(self, scope: Scope, ends_at: datetime) -> None:
        self.calls.append(("check_scope", (scope, ends_at)))
        if self.scope_problem is not None:
            raise self.scope_problem

    def _call(self, operation: str, asked: Any, act: Callable[[], T]) -> T:
        self.before.get(operation, _nothing)()
        with self.lock:
            self.calls.append((operation, asked))
            if operation in self.fail:
                raise self.fail[operation]
            answer = act()
        self.after.get(operation, _nothing)()
        if operation in self.lose_answer:
            raise self.lose_answer[operation]
        return answer


def check_deny_entries(userids: Iterable[str]) -> None:
    deny_document(userids)


def role_id_of(name: str) -> str:
    """Return the unique id that a role of this name has in every fake AWS, until a test says otherwise."""
    return f"AROA{crc32(name.encode()):017d}"


def user_id_of(name: str) -> str:
    """As `role_id_of`, of an IAM user."""
    return f"AIDA{crc32(name.encode()):017d}"


def _whose(logins: Mapping[str, str]) -> str:
    """Return what a pool tells its identities by: the provider and its name for somebody, whichever token it is."""
    return repr(sorted((provider, _subject(token)) for provider, token in logins.items()))


def _subject(token: str) -> str:
    try:
        payload = token.split(".")[1]
        return str(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"])
    except (IndexError, ValueError, KeyError, TypeError):
        return token


def _key(target: DenyTarget) -> DenyTarget:
    return replace(target, via_role_arn=None)


def _holds(policy: OwnPolicy, target: DenyTarget) -> bool:
    return policy.is_own and (policy.kind, policy.principal) == (target.kind, target.name)


def _issued(userid: str, duration: timedelta) -> IssuedSession:
    return IssuedSession(
        credentials=Credentials(KEY_ID, SECRET, TOKEN, datetime.now(UTC) + duration),
        arn="arn:aws:sts::222222222222:assumed-role/fake/session",
        userid=userid,
        packed_policy_percent=7,
        request_id="request-1",
    )


def _nothing() -> None:
    pass
