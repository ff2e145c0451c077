"""The last step of every way in: a provider proved who it is; now they are let in here, or not."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.http import url_has_allowed_host_and_scheme

from brokers.types import ProvenIdentity
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import ExternalIdentity, IdentityProvider, Person, SeenAssertion, SignIn
from portal.identity.operations.admit_person import person_for
from portal.identity.operations.refusing import SignInRefusedError
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now
from portal.kernel.errors import ForbiddenError, NotFoundError
from portal.kernel.sealing import seal

PATH_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Once:
    """What proved it, which counts once: remembered until it could not count again anyway."""

    token_id: str
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is let in, by which identity; `factor_at`: when they gave a second factor, if the provider says so."""

    person: Person
    identity: ExternalIdentity
    provider: IdentityProvider
    next_path: str
    authenticated_at: datetime
    valid_for: timedelta
    factor_at: datetime | None = None
    factor: str = ""
    session_ref: str = ""
    id_token: str = ""
    id_token_expires_at: datetime | None = None


def complete_sign_in(  # noqa: PLR0913  # keyword-only facts of one sign-in
    *,
    provider: IdentityProvider,
    proven: ProvenIdentity,
    next_path: str,
    actor: Actor,
    once: Once | None = None,
    must_be: Person | None = None,
    is_unasked: bool = False,
) -> SignedIn:
    """Let in whom the provider vouches for: made at a first sign-in where it may do that, name and groups as it says.

    `must_be`: only this person, as for a fresh second factor. `is_unasked`: the provider sent them, nobody had asked.

    Raises:
        SignInRefusedError: counted before, unknown here, deactivated, of another company, or somebody else.
    """
    # Whoever was signed in at this browser before has no part in what is written now.
    newcomer = replace(actor, kind=ActorKind.NOBODY, label="nobody", person_id=None)
    try:
        with transaction.atomic():
            if once is not None:
                remember(provider, once)
            identity = person_for(provider=provider, proven=proven, actor=newcomer)
            person = identity.person
            if must_be is not None and person.pk != must_be.pk:
                raise SignInRefusedError("directory.somebody_else", f"{person.name}, not {must_be.name}")
            now = database_now()
            person.last_login = now
            person.save(update_fields=["last_login"])
            factor = factor_of(provider, proven)
            _record(provider, proven, person, newcomer, now, factor, is_unasked=is_unasked)
    except (NotFoundError, ForbiddenError) as refusal:
        if isinstance(refusal, SignInRefusedError):
            raise
        raise SignInRefusedError(f"directory.{refusal.code}", str(refusal)) from None
    return SignedIn(
        person=person,
        identity=identity,
        provider=provider,
        next_path=next_path,
        authenticated_at=proven.authenticated_at,
        valid_for=_valid_for(provider, proven, now),
        factor_at=proven.authenticated_at if factor else None,
        factor=factor,
        session_ref=proven.session_ref,
    )


def open_sign_in(*, signed_in: SignedIn, session_key: str, actor: Actor) -> SignIn:
    """Note which browser session the sign-in is, so that the provider, or an admin, can end it.

    Raises:
        SignInRefusedError: the provider has said since that they are gone, or was switched off; the caller drops the
            session.
    """
    with transaction.atomic():
        # Locked as whoever ends sign-ins locks: what is noted here is seen there, or what happened there is seen here.
        people = Person.objects.select_for_update(no_key=True).filter(pk=signed_in.person.pk, is_active=True)
        is_active = bool(list(people.values_list("pk")))
        known = ExternalIdentity.objects.filter(
            pk=signed_in.identity.pk, gone_at=None, provider__is_enabled=True
        )
        if not (is_active and known.exists()):
            raise SignInRefusedError("directory.gone", f"{signed_in.person.name}, while signing in")
        now = database_now()
        return SignIn.objects.create(
            person=signed_in.person,
            identity=signed_in.identity,
            session_key=session_key,
            session_ref=signed_in.session_ref[:256],
            authenticated_at=signed_in.authenticated_at,
            factor_at=signed_in.factor_at,
            factor=signed_in.factor[:120],
            started_at=now,
            expires_at=now + signed_in.valid_for,
            ip=actor.ip,
            user_agent=actor.user_agent[:300],
            sealed_id_token=seal(signed_in.id_token.encode()) if signed_in.id_token else None,
            id_token_expires_at=signed_in.id_token_expires_at if signed_in.id_token else None,
        )


def own_path(path: str) -> str:
    """Return `path` where it is one of our own, else the first page: nobody is sent elsewhere after signing in."""
    own = path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return path if own and len(path) <= PATH_LIMIT else "/"


def factor_of(provider: IdentityProvider, proven: ProvenIdentity) -> str:
    """Return what of the provider's words says that a second factor was given; empty when nothing does."""
    known = {*provider.factor_contexts, provider.step_up_context} - {""}
    return next((context for context in proven.contexts if context in known), "")


def _valid_for(provider: IdentityProvider, proven: ProvenIdentity, now: datetime) -> timedelta:
    """Never longer than the provider itself lets the sign-in count (saml-core-2.0-os, 2.7.2)."""
    longest = timedelta(hours=provider.sign_in_hours)
    return longest if proven.session_ends_at is None else min(longest, proven.session_ends_at - now)


def remember(provider: IdentityProvider, once: Once) -> None:
    """Have what proved it count this once. Raises SignInRefusedError the second time."""
    try:
        with transaction.atomic():
            SeenAssertion.objects.create(
                provider=provider, assertion_id=once.token_id, valid_until=once.valid_until
            )
    except IntegrityError:
        raise SignInRefusedError(f"{provider.kind}.replay", once.token_id) from None


def _record(  # noqa: PLR0913, PLR0917  # the facts of one audit row
    provider: IdentityProvider,
    proven: ProvenIdentity,
    person: Person,
    actor: Actor,
    now: datetime,
    factor: str,
    *,
    is_unasked: bool,
) -> None:
    record(
        Entry(
            type=EventType.SIGN_IN_SUCCEEDED,
            at=now,
            actor=actor,
            person_id=person.pk,
            details={
                "provider": provider.slug,
                "subject": proven.subject,
                "factor": factor,
                "contexts": list(proven.contexts)[:20],
                **({"unasked": True} if is_unasked else {}),
            },
        )
    )
