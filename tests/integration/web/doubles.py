"""AWS as the pages' tests see it: doubles at the ports. Destinations are judged by the real rule."""

# ruff: noqa: ARG002  # a double takes all that its port gives it

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from brokers.aws.partitions import check_destination
from brokers.errors import BrokerError
from brokers.ports import AwsPorts
from brokers.types import (
    AssumeRoleCall,
    Credentials,
    DenyTarget,
    FederationTokenCall,
    IssuedSession,
    Partition,
    Scope,
    SignInUrl,
)

SECRET = "secret/that+stands=nowhere"
TOKEN = "session-token-that-stands-nowhere"
SIGN_IN_URL = "https://signin.aws.amazon.com/federation?Action=login&SigninToken=only-for-this-browser"
ORIGINS = ("https://signin.aws.amazon.com", "https://*.console.aws.amazon.com")


@dataclass
class FakeAws:
    """Answers each call; `refusing` is raised instead when it is set. `during` runs while AWS is asked."""

    calls: list[AssumeRoleCall | FederationTokenCall] = field(default_factory=list)
    opened: list[tuple[str, str]] = field(default_factory=list)
    refusing: BrokerError | None = None
    during: Callable[[], object] = lambda: None

    def ports(self) -> AwsPorts:
        return AwsPorts(
            credentials=self,
            console=self,
            deny=self,
            principals=self,
            session_name=lambda grant_id: f"sp-{grant_id.hex[:26]}",
            source_identity=lambda person_id: f"sp-person-{person_id.hex[:26]}",
            deny_document=_deny_document,
            check_scope=_check_scope,
            hub_is_chained=False,
        )

    def assume_role(self, call: AssumeRoleCall) -> IssuedSession:
        return self._issue(call, f"AROAEXAMPLE:{call.session_name}")

    def get_federation_token(self, call: FederationTokenCall) -> IssuedSession:
        return self._issue(call, f"111122223333:{call.name}")

    def _issue(self, call: AssumeRoleCall | FederationTokenCall, userid: str) -> IssuedSession:
        self.calls.append(call)
        self.during()
        if self.refusing is not None:
            raise self.refusing
        expires_at = datetime.now(UTC) + call.duration
        keys = Credentials("ASIAEXAMPLE", SECRET, TOKEN, expires_at)
        return IssuedSession(keys, "arn:aws:sts::111122223333:example", userid, 5, "request-1")

    def sign_in_url(
        self,
        credentials: Credentials,
        *,
        partition: Partition,
        destination: str,
        issuer: str,
        session_duration: timedelta | None,
    ) -> SignInUrl:
        self.opened.append((destination, issuer))
        return SignInUrl(SIGN_IN_URL, datetime.now(UTC) + timedelta(minutes=15))

    def check_destination(self, partition: Partition, destination: str) -> None:
        check_destination(partition, destination)

    def sign_in_origins(self) -> tuple[str, ...]:
        return ORIGINS

    def read(self, target: DenyTarget) -> Mapping[str, Any] | None:
        return None

    def write(self, target: DenyTarget, document: Mapping[str, Any]) -> None: ...

    def remove(self, target: DenyTarget) -> None: ...

    def unique_id(self, target: DenyTarget) -> str:
        return "AROAEXAMPLE"


def _deny_document(userids: Iterable[str]) -> Mapping[str, Any]:
    return {"Statement": sorted(userids)}


def _check_scope(scope: Scope, ends_at: datetime) -> None: ...
