"""Passwords are tried here only so often: guessing is slow, and nobody can be locked out by somebody else's guesses.

A try counts in one of two ways. From a known place - a browser or a network from which this very account signed in
before - it counts for that place alone. From anywhere else it counts for the network (whoever tries many accounts),
for the account from that network, and for the account from all strange places together, which is what bounds a
guesser with many addresses, and what keeps a directory from locking the account. A right password gives its try back.
"""

import ipaddress
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction

from portal.audit.events import EventType, Outcome
from portal.audit.operations import Entry, record
from portal.directory.models import ExternalIdentity, IdentityProvider
from portal.identity.operations.refusing import SignInRefusedError
from portal.kernel import attempts
from portal.kernel.actor import Actor
from portal.kernel.attempts import Limit
from portal.kernel.clock import database_now
from portal.kernel.errors import TooManyError

MINUTES = timedelta(minutes=1)
NETWORK = Limit("sign_in.network", 30, 10 * MINUTES)
FROM_NETWORK = Limit("sign_in.account_from_network", 5, 15 * MINUTES)
# A directory locks an account after so many wrong passwords, typically ten: strangers get four, a known place three.
STRANGERS = {
    IdentityProvider.Kind.LDAP: Limit("sign_in.account_by_strangers", 4, 30 * MINUTES),
    IdentityProvider.Kind.LOCAL: Limit("sign_in.account_by_strangers", 20, 60 * MINUTES),
}
KNOWN = {
    IdentityProvider.Kind.LDAP: Limit("sign_in.account_from_known", 3, 15 * MINUTES),
    IdentityProvider.Kind.LOCAL: Limit("sign_in.account_from_known", 10, 15 * MINUTES),
}
KNOWN_NETWORK = Limit("sign_in.known_network", 1, timedelta(days=90))
# Each makes a row that waits ten minutes; a whole company may begin its day behind one address.
BEGINS = Limit("sign_in.begins", 600, 5 * MINUTES)
IPV6_SITE = 64
# Anybody may be there: it is known to nobody's account.
NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a try comes from. `device`: the browser's own mark where this account signed in by it before."""

    ip: str | None
    device: str = ""

    @property
    def network(self) -> str:
        """The address; of IPv6 its first 64 bits, which are one household's or one machine's.

        What a proxy wrote that is no address is nowhere, and so is who comes by a socket of this machine's.
        """
        try:
            address = ipaddress.ip_address((self.ip or "").partition("%")[0])
        except ValueError:
            return NOWHERE
        if isinstance(address, ipaddress.IPv4Address):
            return str(address)
        if address.ipv4_mapped is not None:
            # A server that listens on both protocols writes IPv4 so: as a network they would all be one.
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, IPV6_SITE), strict=False))


def count_begin(*, place: Place) -> None:
    """Count a sign-in begun at a provider. Raises TooManyError where a network begins more than 600 in 5 minutes."""
    attempts.spend(BEGINS, place.network)


@contextmanager
def limited_tries(*, provider: IdentityProvider, login: str, place: Place, actor: Actor) -> Iterator[None]:
    """Count what is tried within it, unless it proves right, or the provider could not be asked.

    Raises:
        TooManyError: before anything is tried; noted in the audit trail once a period.
    """
    account = (str(provider.pk), login.strip().casefold())
    spent: list[tuple[Limit, Sequence[str]]] = []
    try:
        for limit, parts in _limits(provider, account, place):
            attempts.spend(limit, *parts)
            spent.append((limit, parts))
    except TooManyError as refusal:
        _give_back(spent)
        if refusal.is_first:
            _record(provider, login, place, actor)
        raise
    try:
        yield
    except SignInRefusedError:
        raise
    except BaseException:
        _give_back(spent)
        raise
    _give_back(spent)
    attempts.forget(KNOWN_NETWORK, *account, place.network)
    attempts.count(KNOWN_NETWORK, *account, place.network)


def _limits(
    provider: IdentityProvider, account: tuple[str, str], place: Place
) -> list[tuple[Limit, Sequence[str]]]:
    kind = IdentityProvider.Kind(provider.kind)
    if place.device:
        return [(KNOWN[kind], (*account, "device", place.device))]
    if place.network != NOWHERE and attempts.is_noted(KNOWN_NETWORK, *account, place.network):
        return [(KNOWN[kind], (*account, "network", place.network))]
    return [
        (NETWORK, (place.network,)),
        (FROM_NETWORK, (*account, place.network)),
        (STRANGERS[kind], account),
    ]


def _give_back(spent: Sequence[tuple[Limit, Sequence[str]]]) -> None:
    for limit, parts in spent:
        attempts.give_back(limit, *parts)


def _record(provider: IdentityProvider, login: str, place: Place, actor: Actor) -> None:
    """Name the account where there is one: what else was typed may have been a password."""
    known = ExternalIdentity.objects.filter(provider=provider, login__iexact=login.strip()[:256])
    with transaction.atomic():
        record(
            Entry(
                type=EventType.SIGN_IN_LIMITED,
                at=database_now(),
                actor=actor,
                outcome=Outcome.REFUSED,
                details={
                    "provider": provider.slug,
                    "login": login.strip()[:100] if known.exists() else "",
                    "network": place.network,
                },
            )
        )
