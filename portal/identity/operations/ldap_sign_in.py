"""LDAP sign-in: the directory is asked, by a bind, whether the password is right; it is kept nowhere.

Whatever was wrong, the page says the same, after the same time; the audit trail says what it was.
"""

import time
import unicodedata
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db import transaction

from brokers.errors import BrokerError, IdentityUnavailable
from brokers.ports import LdapDirectory
from brokers.types import AccountState, LdapGroup, LdapPerson, ProvenIdentity
from portal.directory.models import ExternalIdentity, IdentityProvider
from portal.directory.people_quota import PeopleQuotaError
from portal.identity.identity_providers import as_ldap
from portal.identity.operations.ask_anew import SUBJECT_FORMAT, doubt
from portal.identity.operations.complete_sign_in import SignedIn, complete_sign_in, own_path
from portal.identity.operations.gone import person_back
from portal.identity.operations.keep_groups import keep_membership
from portal.identity.operations.ldap_groups import group_rows
from portal.identity.operations.limit_tries import Place, limited_tries
from portal.identity.operations.refusing import (
    SignInRefusedError,
    record_refused_sign_in,
    refused,
    unavailable,
)
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now

# A refusal takes a multiple of so many seconds: how long the directory took doesn't tell what was wrong.
REFUSAL_TAKES = 0.5
LONGEST_PASSWORD = 1024


def sign_in_by_ldap(  # noqa: PLR0913  # keyword-only facts of one sign-in
    *,
    provider: IdentityProvider,
    username: str,
    password: str,
    next_path: str,
    ldap: LdapDirectory,
    place: Place,
    actor: Actor,
) -> SignedIn:
    """Let in whom the directory knows by that name and password.

    Raises:
        SignInRefusedError: with the one reason; an audit row is written for each.
        TooManyError: before anything was asked.
        UpstreamError: the directory can't be asked now. It says nothing about anybody.
    """
    began, asked_at = time.monotonic(), database_now()
    newcomer = replace(actor, kind=ActorKind.NOBODY, label="nobody", person_id=None)
    try:
        with limited_tries(provider=provider, login=folded(username), place=place, actor=newcomer):
            proven, groups = prove_by_ldap(provider=provider, username=username, password=password, ldap=ldap)
            return _let_in(provider, proven, groups, own_path(next_path), newcomer, asked_at)
    except SignInRefusedError as refusal:
        with transaction.atomic():
            doubt(provider=provider, login=username, reason=refusal.reason)
            record_refused_sign_in(refusal=refusal, provider=provider, actor=newcomer)
        _take_as_long(began)
        raise


def prove_by_ldap(
    *, provider: IdentityProvider, username: str, password: str, ldap: LdapDirectory
) -> tuple[ProvenIdentity, tuple[LdapGroup, ...] | None]:
    """Return whom the directory knows by that name and password, and their groups; None where it reads none.

    Raises:
        SignInRefusedError: unknown, a wrong password, or an account that may not be used.
        UpstreamError: the directory gave no usable answer.
    """
    if not provider.is_enabled or provider.kind != IdentityProvider.Kind.LDAP:
        raise SignInRefusedError("ldap.provider_disabled", provider.slug)
    if len(password) > LONGEST_PASSWORD:
        raise SignInRefusedError("ldap.wrong_password", "longer than any")
    try:
        server = as_ldap(provider)
        person = ldap.sign_in(server, username, password)
        if person.state != AccountState.USABLE:
            raise SignInRefusedError(f"ldap.{person.state.value}", person.dn[:200])
        groups = ldap.groups_of(server, person) if server.groups_base else None
    except IdentityUnavailable as problem:
        raise unavailable(provider, problem) from None
    except BrokerError as problem:
        raise refused(problem) from None
    return proven_by_ldap(person), groups


def proven_by_ldap(person: LdapPerson) -> ProvenIdentity:
    """Return what an entry proves, in the words that all ways in share. Its groups are kept by their ids instead."""
    return ProvenIdentity(
        subject=person.stable_id,
        subject_format=SUBJECT_FORMAT,
        login=person.login,
        attributes=person.attributes,
        authenticated_at=database_now(),
    )


def folded(username: str) -> str:
    """Return the name as tries are counted by it: Active Directory reads é as e, and counts bad passwords of both."""
    apart = unicodedata.normalize("NFKD", username)
    return " ".join("".join(sign for sign in apart if not unicodedata.combining(sign)).casefold().split())


def _let_in(  # noqa: PLR0913, PLR0917  # the facts of one sign-in
    provider: IdentityProvider,
    proven: ProvenIdentity,
    groups: tuple[LdapGroup, ...] | None,
    next_path: str,
    actor: Actor,
    asked_at: datetime,
) -> SignedIn:
    known = ExternalIdentity.objects.filter(
        provider=provider, subject_format=SUBJECT_FORMAT, subject=proven.subject
    )
    rows = None if groups is None else group_rows(provider=provider, told=groups, is_all=False)
    with transaction.atomic():
        for identity in known.filter(gone_at__lt=asked_at).values_list("pk", flat=True):
            # Switched on again since the last sync: the bind is the directory's newest word. Whoever was found gone
            # after it was asked stays gone.
            _back(identity, provider)
        signed_in = complete_sign_in(provider=provider, proven=proven, next_path=next_path, actor=actor)
        if rows is not None:
            keep_membership(
                person=signed_in.person, provider=provider, group_ids=set(rows.values()), actor=actor
            )
    return signed_in


def _back(identity_id: UUID, provider: IdentityProvider) -> None:
    try:
        person_back(identity_id=identity_id, actor=Actor.system(f"sign-in at {provider.slug}"))
    except PeopleQuotaError as refusal:
        raise SignInRefusedError(f"directory.{refusal.code}", str(refusal)) from None


def _take_as_long(began: float) -> None:
    taken = time.monotonic() - began
    time.sleep(REFUSAL_TAKES - taken % REFUSAL_TAKES)
