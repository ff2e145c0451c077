"""The console's sign-in endpoint, as far as a broker meets it: getSigninToken, login, logout.

`POST /federation` (GET too, like AWS's). A sign-in token is good for 15 minutes, more than once. Everything is
kept in memory only: credentials, tokens and console sessions are gone when the sandbox ends.
"""

import asyncio
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from portal.demo.sandbox.bootstrap import client
from portal.demo.sandbox.callers import Kind, Registry

TOKEN_LIVES_S = 15 * 60
SESSION_MIN_S, SESSION_MAX_S = 900, 43_200
CONSOLE_HOSTS = ("console.aws.amazon.com", "console.amazonaws.cn", "console.amazonaws-us-gov.com")
# The console wants a role or a federated user: an IAM user's session, or a root's for one task, gets no token.
NO_CONSOLE = {Kind.SESSION_TOKEN, Kind.SESSION_TOKEN_WITH_MFA, Kind.ROOT_TASK}
SECRET_FIELDS = ("sessionId", "sessionKey", "sessionToken")


class SignInRefusedError(Exception):
    """The endpoint's 400, with the reason as text."""


@dataclass(frozen=True)
class Identity:
    """Whose credentials these are, as STS answered. Times are seconds since 1970; None: the sandbox never saw."""

    arn: str
    account_id: str
    user_id: str
    kind: Kind
    credentials_end: float | None
    session_seconds: int | None


@dataclass(frozen=True)
class SignInToken:
    identity: Identity
    access_key_id: str
    secret: str = field(repr=False)
    session_token: str = field(repr=False)
    made_at: float = field(default_factory=time.time)

    def good(self) -> bool:
        return time.time() < self.made_at + TOKEN_LIVES_S


@dataclass
class ConsoleSession:
    """One browser signed in. It ends with its SessionDuration or its credentials, whichever is first."""

    token: SignInToken
    destination: str
    issuer: str
    opened_at: float = field(default_factory=time.time)
    clients: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def identity(self) -> Identity:
        return self.token.identity

    @property
    def ends_at(self) -> float | None:
        ends = [self.identity.credentials_end]
        if self.identity.session_seconds is not None:
            ends.append(self.opened_at + self.identity.session_seconds)
        known = [end for end in ends if end is not None]
        return min(known) if known else None

    def over(self) -> bool:
        return self.ends_at is not None and time.time() >= self.ends_at


def console_host(destination: str) -> bool:
    """Tell whether a destination is https on a console host of AWS (any partition, any region)."""
    try:
        parts = urlsplit(destination)
        plain = parts.port in {None, 443} and not parts.username and not parts.password
    except ValueError:
        return False
    host = parts.hostname or ""
    known = any(host == each or host.endswith("." + each) for each in CONSOLE_HOSTS)
    return plain and known and parts.scheme == "https" and "\\" not in destination


class SignIn:
    """Tokens and console sessions. `sts_url`: where the credentials are tried, by a live signed call."""

    def __init__(self, sts_url: str, registry: Registry) -> None:
        self.sts_url = sts_url
        self.registry = registry
        self.tokens: dict[str, SignInToken] = {}
        self.sessions: dict[str, ConsoleSession] = {}

    async def get_signin_token(self, given: Mapping[str, str]) -> str:
        """Return a sign-in token for the credentials in `Session`, after trying them."""
        key, secret, session_token = self._credentials(given.get("Session", ""))
        issued = self.registry.issued.get(key)
        if issued and issued.kind in NO_CONSOLE:
            raise SignInRefusedError("Session must hold credentials of a role or of a federated user")
        seconds = self._duration(given.get("SessionDuration"))
        if seconds is not None and issued and issued.kind is Kind.FEDERATED:
            raise SignInRefusedError("SessionDuration is not allowed with GetFederationToken credentials")
        if seconds is not None and issued and issued.chained:
            raise SignInRefusedError("SessionDuration is not allowed with credentials of a chained role")
        who = await asyncio.to_thread(self._who, key, secret, session_token)
        identity = Identity(
            arn=who["Arn"],
            account_id=who["Account"],
            user_id=who["UserId"],
            kind=self.registry.kind(key),
            credentials_end=issued.expires_at if issued else None,
            session_seconds=seconds,
        )
        self._forget()
        name = secrets.token_urlsafe(48)
        self.tokens[name] = SignInToken(identity, key, secret, session_token)
        return name

    def login(self, given: Mapping[str, str]) -> tuple[SignInToken, str]:
        """Return the token and the destination of a login link, both checked."""
        token = self.tokens.get(given.get("SigninToken", ""))
        if token is None or not token.good():
            raise SignInRefusedError("The SigninToken is unknown or older than 15 minutes")
        destination = given.get("Destination", "")
        if not console_host(destination):
            raise SignInRefusedError("The Destination is not https on a console host of AWS")
        return token, destination

    def open(self, token: SignInToken, destination: str, issuer: str) -> str:
        """Open a console session and return the name its cookie carries."""
        name = secrets.token_urlsafe(32)
        self.sessions[name] = ConsoleSession(token, destination, issuer)
        return name

    def _who(self, key: str, secret: str, session_token: str) -> dict[str, Any]:
        try:
            sts = client("sts", self.sts_url, key, secret, session_token)
            who: dict[str, Any] = sts.get_caller_identity()
        except (ClientError, BotoCoreError, ValueError) as error:
            raise SignInRefusedError("The credentials in Session are not valid") from error
        return who

    def _credentials(self, text: str) -> tuple[str, str, str]:
        try:
            session = json.loads(text)
            values = [session[name] for name in SECRET_FIELDS]
        except (ValueError, KeyError, TypeError) as error:
            raise SignInRefusedError(f"Session must be JSON with {', '.join(SECRET_FIELDS)}") from error
        if not all(isinstance(value, str) and value and value.isascii() for value in values):
            raise SignInRefusedError("Session holds something that is no credential")
        if not values[0].startswith("ASIA"):
            raise SignInRefusedError("Session must hold temporary credentials")
        return values[0], values[1], values[2]

    def _duration(self, text: str | None) -> int | None:
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and SESSION_MIN_S <= int(text[:9]) <= SESSION_MAX_S):
            raise SignInRefusedError(f"SessionDuration must be {SESSION_MIN_S} to {SESSION_MAX_S} seconds")
        return int(text)

    def _forget(self) -> None:
        self.tokens = {name: token for name, token in self.tokens.items() if token.good()}
