"""The fake AWS with a memory: every session that it ever made, so that 'AWS would allow this one now' can be asked."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from brokers.errors import AwsUnavailable
from brokers.types import (
    AssumeRoleCall,
    Credentials,
    DenyTarget,
    FederationTokenCall,
    IssuedSession,
    Partition,
    SignInUrl,
    StandingDeny,
)
from tests.fakes import DENIED, SECRET, SIGN_IN_URL, TOKEN, FakeAws

HUB_ACCOUNT = "111111111111"
# AWS takes a signed request for 15 minutes (here: within what the portal reckons with), and honours a sign-in URL
# for as long.
REQUEST_LIVES = timedelta(minutes=14)
URL_LIVES = timedelta(minutes=15)


@dataclass(eq=False)
class Minted:
    """A session that AWS made. `ends_at`: the end in its own policy; `expires_at`: its death at STS."""

    name: str
    userid: str
    issued_at: datetime
    expires_at: datetime
    ends_at: datetime
    key: str


@dataclass
class Straggler:
    """A request that got no answer, and is still on its way to AWS."""

    call: AssumeRoleCall | FederationTokenCall
    asked_at: datetime


@dataclass
class WatchedAws(FakeAws):
    """`loses_requests`: STS's answer never comes, and the request reaches AWS later, or never."""

    now: Callable[[], datetime] = datetime.now
    minted: list[Minted] = field(default_factory=list)
    stragglers: list[Straggler] = field(default_factory=list)
    written: list[tuple[DenyTarget, StandingDeny]] = field(default_factory=list)
    loses_requests: bool = False

    def allows(self, session: Minted, at: datetime) -> bool:
        """Whether AWS would let this session do something: alive, not ended by its policy, and denied by nothing."""
        if at >= min(session.expires_at, session.ends_at) or session.userid in self.denied():
            return False
        cuts = [standing.issued_before for standing in self.documents.values() if standing.issued_before]
        return all(session.issued_at >= cut for cut in cuts)

    def assume_role(self, call: AssumeRoleCall) -> IssuedSession:
        self._may_lose(call)
        return self._call("assume_role", call, lambda: self.mint(call))

    def get_federation_token(self, call: FederationTokenCall) -> IssuedSession:
        self._may_lose(call)
        return self._call("get_federation_token", call, lambda: self.mint(call))

    def mint(self, call: AssumeRoleCall | FederationTokenCall) -> IssuedSession:
        if isinstance(call, AssumeRoleCall):
            name = call.session_name
            userid = f"{self.role_id(call.role_arn.rpartition('/')[2])}:{name}"
        else:
            name, userid = call.name, f"{HUB_ACCOUNT}:{call.name}"
        at, key = self.now(), f"ASIAFAKE{len(self.minted):012d}"
        made = Minted(name, userid, at, at + call.duration, call.ends_at.replace(microsecond=0), key)
        self.minted.append(made)
        credentials = Credentials(key, SECRET, TOKEN, made.expires_at)
        return IssuedSession(
            credentials, "arn:aws:sts::222222222222:assumed-role/fake/x", userid, 7, "request-1"
        )

    def sign_in_url(
        self,
        credentials: Credentials,
        *,
        partition: Partition,  # noqa: ARG002  # the port's
        destination: str,
        issuer: str,  # noqa: ARG002  # the port's
        session_duration: timedelta | None,
    ) -> SignInUrl:
        def open_late() -> SignInUrl:
            """The console session may begin as late as the URL is good, and lives its whole time from then."""
            [used] = [made for made in self.minted if made.key == credentials.access_key_id]
            at = self.now()
            if at >= used.expires_at:
                raise DENIED
            if session_duration is not None:
                dies = at + URL_LIVES + session_duration
                self.minted.append(
                    Minted(used.name, used.userid, used.issued_at, dies, used.ends_at, f"{used.key}-console")
                )
            return SignInUrl(SIGN_IN_URL, at + URL_LIVES)

        return self._call("sign_in_url", destination, open_late)

    def write(self, target: DenyTarget, entries: Any, *, issued_before: datetime | None = None) -> None:
        super().write(target, entries, issued_before=issued_before)
        for written, standing in self.documents.items():
            self.written.append((written, standing))

    def land(self, number: int) -> None:
        """Let a request arrive that was given up for lost; one that is too old is refused."""
        straggler = self.stragglers.pop(number % len(self.stragglers))
        if self.now() < straggler.asked_at + REQUEST_LIVES:
            self.mint(straggler.call)

    def heal(self) -> None:
        self.fail.clear()
        self.lose_answer.clear()
        self.hidden_reads, self.room, self.blind = 0, 1000, 0
        self.loses_requests = self.no_rights = False

    def _may_lose(self, call: AssumeRoleCall | FederationTokenCall) -> None:
        if self.loses_requests:
            self.stragglers.append(Straggler(call, self.now()))
            raise AwsUnavailable("sts:Call", "ReadTimeoutError")
