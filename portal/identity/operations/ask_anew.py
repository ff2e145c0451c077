"""Ask a directory about one person again, and do what follows: gone is gone, at once.

An account that is disabled, expired or removed is gone. One that is locked, or whose password is to be changed, is
not: a lock is what anybody can bring about by guessing, and passes by itself; whoever has to change their password
can't sign in before they do, but it is still them. Locked accounts are refused while they are locked, and no more.
"""

from collections.abc import Mapping
from uuid import UUID

from brokers.ports import LdapDirectory
from brokers.types import AccountState
from portal.directory.models import ExternalIdentity, IdentityProvider
from portal.identity.identity_providers import as_ldap
from portal.identity.operations.gone import person_gone
from portal.kernel import outbox
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now

SUBJECT_FORMAT = "ldap"
DOUBTED = "directory.identity.doubted"
GONE: Mapping[AccountState, str] = {
    AccountState.DISABLED: "disabled",
    AccountState.EXPIRED: "expired",
}
REMOVED = "removed"
# What a failed sign-in may have learned of somebody known here.
DOUBTFUL = frozenset({"ldap.disabled", "ldap.expired", "ldap.unknown"})


def ask_anew(*, identity: ExternalIdentity, ldap: LdapDirectory, actor: Actor) -> AccountState | None:
    """Return the account's state now; None: there is no such entry any more. Whoever is gone loses what they hold.

    `identity` comes with its provider. Not to be called in a transaction.

    Raises:
        IdentityUnavailable: the directory gave no usable answer; nothing was changed.
    """
    asked_at = database_now()
    found = ldap.find_person(as_ldap(identity.provider), identity.subject)
    state = None if found is None else found.state
    if (why := why_gone(state)) is not None:
        person_gone(identity_id=identity.pk, why=why, actor=actor)
    elif state != AccountState.LOCKED:
        ExternalIdentity.objects.filter(pk=identity.pk, gone_at=None).update(confirmed_at=asked_at)
    return state


def why_gone(state: AccountState | None) -> str | None:
    return REMOVED if state is None else GONE.get(state)


def doubt(*, provider: IdentityProvider, login: str, reason: str) -> None:
    """In a transaction: have a worker ask about whoever signs in by that name, where a failed sign-in gives reason to.

    A worker, so that how long the answer takes tells nobody who is known here.
    """
    doubted = list(
        ExternalIdentity.objects.filter(
            provider=provider, subject_format=SUBJECT_FORMAT, login__iexact=login.strip()[:256], gone_at=None
        ).values_list("pk", flat=True)[:5]
    )
    for identity in doubted if reason in DOUBTFUL else ():
        outbox.post(DOUBTED, at=database_now(), identity=str(identity))


def settle_doubt(*, identity_id: UUID, ldap: LdapDirectory, actor: Actor) -> None:
    """Ask about somebody whose sign-in failed. Raises IdentityUnavailable as `ask_anew`."""
    identity = (
        ExternalIdentity.objects.select_related("provider__ldap")
        .filter(pk=identity_id, gone_at=None, provider__is_enabled=True)
        .first()
    )
    if identity is not None:
        ask_anew(identity=identity, ldap=ldap, actor=actor)
