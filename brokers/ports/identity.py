"""What the portal may ask of identity providers and directories."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from brokers.types import (
    CheckStep,
    FetchedDocument,
    LdapGroup,
    LdapPerson,
    LdapServer,
    OidcIdentity,
    OidcLogout,
    OidcProvider,
    OidcRequest,
    SamlForAws,
    SamlIdentity,
    SamlIdentityProvider,
    SamlLogoutAnswer,
    SamlLogoutRequest,
    SamlMessage,
    SamlRequest,
    SamlTrial,
)


class SamlServiceProvider(Protocol):
    """SAML 2.0 Web Browser SSO and Single Logout, the service provider's half (saml-profiles-2.0-os, 4.1 and 4.4).

    Does *not* remember anything: replay, the pending request and the browser's binding are the caller's.
    """

    @property
    def certificate(self) -> str | None:
        """The own certificate (PEM); without one nothing is signed, nothing decrypted, and nobody logged out there."""

    def begin(
        self, idp: SamlIdentityProvider, *, relay_state: str, context: str = "", fresh: bool = False
    ) -> SamlRequest:
        """Make an AuthnRequest for the HTTP-Redirect binding.

        `context`: the one AuthnContext class that will do. `fresh`: the provider must ask for the person anew.
        """

    def verify(
        self, idp: SamlIdentityProvider, response: str, *, request_id: str | None, at: datetime
    ) -> SamlIdentity:
        """Verify the base64 `SAMLResponse` form field as the answer of `idp` to `request_id`; None: nobody asked.

        Raises:
            SamlRejected: with the one reason.
        """

    def claimed_issuer(self, response: str) -> str:
        """Return whose the response says that it is: nothing is verified, it only tells whose keys to verify it by.

        Raises:
            SamlRejected: it can't be read.
        """

    def inspect(self, idp: SamlIdentityProvider, response: str, *, at: datetime) -> SamlTrial:
        """Try a response (base64 or XML) out, each check by itself. For an admin: it forgives old times."""

    def begin_logout(
        self,
        idp: SamlIdentityProvider,
        *,
        name_id: str,
        name_id_format: str,
        session_index: str,
        relay_state: Callable[[str], str],
    ) -> str | None:
        """Return where to send the browser, with a signed LogoutRequest; None without an own key or a `slo_url` there.

        `relay_state` makes what is to come back with the answer (80 bytes at most) from the request's id.
        """

    def claimed_logout_issuer(self, message: SamlMessage) -> str:
        """As `claimed_issuer`, for a log-out message."""

    def read_logout_request(
        self, idp: SamlIdentityProvider, message: SamlMessage, *, at: datetime
    ) -> SamlLogoutRequest:
        """Verify a LogoutRequest of `idp`: its signature, and every word.

        Raises:
            SamlRejected: with the one reason.
        """

    def answer_logout(self, idp: SamlIdentityProvider, request: SamlLogoutRequest) -> str | None:
        """Return where to send the browser with a LogoutResponse; None where the provider says no address for it."""

    def read_logout_answer(
        self, idp: SamlIdentityProvider, message: SamlMessage, *, at: datetime
    ) -> tuple[SamlLogoutAnswer, str, str]:
        """Verify a LogoutResponse: returns it, the request's id that it names, and the RelayState.

        Raises:
            SamlRejected: with the one reason.
        """

    def metadata(self) -> bytes:
        """Return this service provider's metadata document."""


class SamlMetadataReader(Protocol):
    """Reads an identity provider's metadata document (already fetched; no network).

    `signer`: a PEM certificate by whose key the whole document must be signed.

    Raises:
        SamlMetadataRejected: with the one reason.
    """

    def __call__(
        self, document: bytes, *, entity_id: str | None = None, signer: str | None = None
    ) -> SamlIdentityProvider: ...


class DocumentFetcher(Protocol):
    """Fetches a public document that an admin named, such as metadata: https, within limits of time and size.

    Follows no redirects. Private ranges only where the operator allows them.

    Raises:
        IdentityUnavailable: no usable answer: unreachable, timeout, tls, malformed.
    """

    def __call__(self, url: str, /) -> FetchedDocument: ...


class LdapDirectory(Protocol):
    """An LDAP directory or Active Directory, over verified TLS (RFC 4511, 4513).

    Does *not* decide who may come in, and remembers nothing. Never follows referrals.

    Raises:
        IdentityUnavailable: no server gave a usable answer. It says nothing about anybody.
    """

    def sign_in(self, server: LdapServer, username: str, password: str) -> LdapPerson:
        """Find the one entry with that login, bind as it, and return it as it is after the bind.

        Raises:
            SignInRejected: empty_password, bad_username, unknown, ambiguous, wrong_password, or an account state
                (disabled, locked, expired, password_must_change, password_expired, not_now).
        """

    def find_person(self, server: LdapServer, stable_id: str) -> LdapPerson | None:
        """Return the entry with that stable id, whatever its state; None when the directory has none."""

    def groups_of(self, server: LdapServer, person: LdapPerson) -> tuple[LdapGroup, ...]:
        """Return the groups that the person is in, nested as the server's settings say; loops and depth are bounded.

        Their members are left out.
        """

    def people(self, server: LdapServer) -> Iterator[LdapPerson]:
        """Yield all people, page by page (RFC 2696). An error in the middle raises: never fewer than there are."""

    def groups(self, server: LdapServer) -> Iterator[LdapGroup]:
        """Yield all groups with all their members (AD's ranges included), page by page."""

    def check(self, server: LdapServer) -> Sequence[CheckStep]:
        """Walk the steps (address, reachable, TLS, bind, people, groups): where it stops, and what to do."""


class OidcClient(Protocol):
    """OpenID Connect Core 1.0, the relying party's half: code flow with PKCE, state and nonce.

    Does *not* remember anything: state, the pending request and the browser's binding are the caller's.

    Raises:
        IdentityUnavailable: the provider gave no usable answer.
    """

    def begin(self, provider: OidcProvider, *, state: str, acr: str = "", fresh: bool = False) -> OidcRequest:
        """Make an authentication request. `fresh`: the provider must ask for the person anew (max_age=0)."""

    def finish(  # noqa: PLR0913  # keyword-only facts of one answer
        self,
        provider: OidcProvider,
        *,
        code: str,
        issuer: str,
        nonce: str,
        code_verifier: str,
        at: datetime,
        fresh_since: datetime | None = None,
    ) -> OidcIdentity:
        """Exchange the code and verify the ID token. `issuer`: the `iss` parameter of the answer (RFC 9207), or empty.

        `fresh_since`: the provider must say that it asked for the person since then (auth_time).

        Raises:
            SignInRejected: with the one reason.
        """

    def read_logout(self, provider: OidcProvider, logout_token: str, *, at: datetime) -> OidcLogout:
        """Verify a back-channel logout token (OpenID Connect Back-Channel Logout 1.0, section 2.6)."""

    def logout_url(self, provider: OidcProvider, *, id_token: str, return_to: str) -> str | None:
        """Return where to send the browser to be signed out there too; None where the provider offers nothing."""

    def check(self, provider: OidcProvider) -> Sequence[CheckStep]:
        """Walk the steps (address, reachable, TLS, discovery, keys, clock): where it stops, and what to do."""


class AwsAssertionReader(Protocol):
    """Verifies a base64 SAMLResponse that is meant for AWS: its audience and recipient are AWS's own, not ours.

    Nobody asked for it here: it carries no InResponseTo that counts. Everything else is as in `verify`. Does *not*
    remember it: it is the caller's to take each assertion once.

    Raises:
        SamlRejected: with the one reason.
    """

    def __call__(self, idp: SamlIdentityProvider, response: str, *, at: datetime) -> SamlForAws: ...

    def claimed_issuer(self, response: str) -> str:
        """As that of SamlServiceProvider."""


class IdTokenReader(Protocol):
    """Verifies an ID token that somebody hands over: signature, issuer, exactly this audience, times.

    There is no nonce to hold it against: whoever has the token may use it until it expires.

    Raises:
        SignInRejected: with the one reason.
        IdentityUnavailable: the provider's keys could not be had.
    """

    def __call__(
        self, provider: OidcProvider, id_token: str, *, audience: str, at: datetime
    ) -> OidcIdentity: ...

    def claimed_issuer(self, id_token: str) -> str:
        """Return whose the token says that it is: nothing is verified. Raises SignInRejected: it can't be read."""
