"""Values of identity: what a provider is, and what it said of somebody."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class SamlIdentityProvider:
    """An identity provider as its pinned metadata describes it. Several certificates: all are valid at once.

    `slo_url`: where to sign somebody out there too, by HTTP-Redirect; `slo_response_url`: where it wants the answer to
    its own log-out requests. None: it offers no such thing. `certificates_end_at`: in the order of `certificates`.
    `valid_until`: how long the document itself says that it holds.
    """

    entity_id: str
    sso_url: str
    certificates: tuple[str, ...]
    allow_aes_cbc: bool = False
    max_assertion_lifetime: timedelta = timedelta(minutes=70)
    slo_url: str | None = None
    slo_response_url: str | None = None
    wants_signed_requests: bool = False
    certificates_end_at: tuple[datetime, ...] = ()
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class SamlRequest:
    """An AuthnRequest to send: where to redirect the browser, and the id that only its answer may carry."""

    request_id: str
    redirect_url: str


@dataclass(frozen=True, slots=True)
class SamlIdentity:
    """What a verified assertion said. `assertion_id` is to be remembered until `valid_until`: it counts once.

    `session_ends_at`: when the provider wants the sign-in to be over at the latest (SessionNotOnOrAfter), if it says.
    `context`: how they signed in there (AuthnContextClassRef), if it says.
    """

    issuer: str
    assertion_id: str
    name_id: str
    name_id_format: str
    session_index: str | None
    attributes: Mapping[str, tuple[str, ...]]
    authenticated_at: datetime
    valid_until: datetime
    session_ends_at: datetime | None = None
    context: str = ""


@dataclass(frozen=True, slots=True)
class SamlMessage:
    """A log-out message as it arrived: the exact query string (HTTP-Redirect), or a form's two fields (HTTP-POST)."""

    query: str = field(default="", repr=False)
    posted: str = field(default="", repr=False)
    relay_state: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SamlLogoutRequest:
    """A verified LogoutRequest: whom to sign out, of which sign-ins (none named: all). It counts once.

    `relay_state`: to be handed back with the answer, as it came.
    """

    request_id: str
    name_id: str
    name_id_format: str
    session_indexes: tuple[str, ...]
    valid_until: datetime
    relay_state: str | None = None


@dataclass(frozen=True, slots=True)
class SamlLogoutAnswer:
    """A verified LogoutResponse to our own request. `status`: its last part, such as Success or PartialLogout."""

    status: str

    @property
    def is_success(self) -> bool:
        return self.status == "Success"


@dataclass(frozen=True, slots=True)
class SamlTrial:
    """What came of trying a response out: each check by itself, and whom it speaks of, if it can be read that far."""

    steps: tuple["CheckStep", ...]
    identity: SamlIdentity | None = None


@dataclass(frozen=True, slots=True)
class FetchedDocument:
    """A document fetched over HTTPS. `date`: the server's clock, by its Date header, if it has one."""

    body: bytes = field(repr=False)
    date: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProvenIdentity:
    """Somebody whom a provider vouches for, whatever the protocol. `subject` never changes there.

    `attributes`: what it tells of them, by its own names. `groups`: what it calls the groups that they are in; None:
    it says nothing about groups. `contexts`: how they signed in, in its own words (AuthnContext class, acr, amr).
    `session_ref`: what it calls this sign-in. `session_ends_at`: when it wants the sign-in to be over, if it says.
    """

    subject: str
    authenticated_at: datetime
    subject_format: str = ""
    login: str = ""
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: tuple[str, ...] | None = None
    contexts: tuple[str, ...] = ()
    session_ref: str = ""
    session_ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CheckStep:
    """One step of trying a provider out, such as `TLS`. `advice` says what to do where it failed."""

    name: str
    is_ok: bool
    detail: str
    advice: str = ""


class LdapNesting(StrEnum):
    """How a directory's groups in groups are followed."""

    DIRECT = "direct"
    WALK = "walk"
    IN_CHAIN = "in_chain"


@dataclass(frozen=True, slots=True)
class LdapServer:
    """An LDAP directory (RFC 4511): where it is, how it is trusted, where people and groups are.

    `urls`: ldaps:// or ldap://, tried in this order; ldap:// needs `start_tls`, or a loopback address.
    `ca_certificates`: PEM; empty: the machine's own. `id_attribute` never changes for a person (entryUUID, objectGUID).
    `timeout`: seconds for each step. `max_depth`: of groups in groups.
    `bind_by_kerberos`: the portal's own account is whom Kerberos says; `bind_dn` and `bind_password` are not used.
    """

    urls: tuple[str, ...]
    start_tls: bool
    ca_certificates: str
    bind_dn: str
    bind_password: str = field(repr=False)
    is_active_directory: bool
    people_base: str
    people_filter: str
    login_attribute: str
    id_attribute: str
    groups_base: str
    groups_filter: str
    group_name_attribute: str
    nesting: LdapNesting = LdapNesting.WALK
    max_depth: int = 10
    timeout: float = 5.0
    page_size: int = 500
    extra_attributes: tuple[str, ...] = ()
    bind_by_kerberos: bool = False


class AccountState(StrEnum):
    """What a directory says of an account. Told apart to the operator, never to whoever tries a password."""

    USABLE = "usable"
    DISABLED = "disabled"
    LOCKED = "locked"
    EXPIRED = "expired"
    PASSWORD_MUST_CHANGE = "password_must_change"  # noqa: S105  # a state, not a password
    PASSWORD_EXPIRED = "password_expired"  # noqa: S105  # as above


@dataclass(frozen=True, slots=True)
class LdapPerson:
    """A person's entry. `stable_id`: the id attribute as text (a GUID in its usual form)."""

    stable_id: str
    dn: str
    login: str
    state: AccountState
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LdapGroup:
    """A group's entry with its members as the server has them: DNs of people and of groups."""

    stable_id: str
    dn: str
    name: str
    member_dns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OidcProvider:
    """An OpenID provider as the portal is registered there. Everything else comes from its discovery document."""

    issuer: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    scopes: str = "openid profile email"
    redirect_uri: str = ""


@dataclass(frozen=True, slots=True)
class OidcRequest:
    """Where to send the browser, and what only the portal may know until it comes back."""

    url: str = field(repr=False)
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OidcIdentity:
    """What a verified ID token said, merged with the userinfo of the same `sub`. `id_token`: a secret."""

    issuer: str
    subject: str
    claims: Mapping[str, Any]
    authenticated_at: datetime
    expires_at: datetime
    session_id: str = ""
    contexts: tuple[str, ...] = ()
    id_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class OidcLogout:
    """A verified back-channel logout token: a session, or all of a subject's. `token_id` counts once."""

    token_id: str
    subject: str
    session_id: str
    valid_until: datetime
