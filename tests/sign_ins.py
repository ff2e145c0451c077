"""Browsers that are signed in as `let_in` leaves them: with a session, and the row by which it can be ended."""

from datetime import UTC, datetime, timedelta

from django.test import Client

from portal.directory.models import ExternalIdentity, IdentityProvider, Person, SignIn
from portal.directory.requests import FACTOR_AT, SIGNED_IN_AT
from portal.web.signing_in import SIGN_IN
from tests.vouched import tests_provider


def make_identity(
    person: Person, provider: IdentityProvider | None = None, **fields: object
) -> ExternalIdentity:
    """Who the person is at a provider; at the tests' own where none is given."""
    provider = provider or tests_provider()
    known = {"subject": str(person.pk), "confirmed_at": datetime.now(UTC), **fields}
    identity, _ = ExternalIdentity.objects.get_or_create(provider=provider, person=person, defaults=known)
    return identity


def browser_of(
    person: Person,
    *,
    provider: IdentityProvider | None = None,
    minutes: float = 0,
    factor_minutes: float | None = None,
    raises: bool = True,
) -> Client:
    """A browser that signed in `minutes` ago and gave a second factor `factor_minutes` ago, or none."""
    client = Client(raise_request_exception=raises)
    client.force_login(person, backend="portal.directory.backends.PersonBackend")
    now = datetime.now(UTC)
    factor_at = None if factor_minutes is None else now - timedelta(minutes=factor_minutes)
    session = client.session
    sign_in = SignIn.objects.create(
        person=person,
        identity=make_identity(person, provider),
        session_key=str(session.session_key),
        authenticated_at=now - timedelta(minutes=minutes),
        started_at=now - timedelta(minutes=minutes),
        expires_at=now + timedelta(hours=8),
        factor_at=factor_at,
    )
    session[SIGN_IN] = str(sign_in.pk)
    session[SIGNED_IN_AT] = sign_in.started_at.isoformat()
    if factor_at is not None:
        session[FACTOR_AT] = factor_at.isoformat()
    session.save()
    return client


def sign_in_of(client: Client) -> SignIn | None:
    return SignIn.objects.filter(session_key=client.session.session_key).first()
