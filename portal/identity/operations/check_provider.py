"""Try a directory or an OpenID provider out, step by step; SAML's own is `check_saml_provider`. It changes nothing."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from django.db import transaction

from brokers.errors import IdentityUnavailable
from brokers.ports import LdapDirectory, OidcClient
from brokers.types import CheckStep
from portal.access.operations.permissions import check_superuser
from portal.audit.events import EventType, Outcome
from portal.audit.operations import Entry, record
from portal.directory.models import IdentityProvider
from portal.identity.identity_providers import as_ldap, as_oidc
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import NotFoundError

# Somebody waits for the page: a server that takes longer is slow, whatever its settings allow a sync.
LONGEST_STEP: Final = 5.0
MOST_SERVERS: Final = 4


def check_ldap_provider(*, provider_id: UUID, ldap: LdapDirectory, actor: Actor) -> Sequence[CheckStep]:
    """Walk the steps: address, reachable, TLS, bind, people, groups. At most four servers, five seconds a step.

    Raises:
        NotFoundError: no such directory.
        ForbiddenError: by anybody but a superuser.
    """

    def walk(provider: IdentityProvider) -> Sequence[CheckStep]:
        server = as_ldap(provider)
        return ldap.check(
            replace(server, urls=server.urls[:MOST_SERVERS], timeout=min(server.timeout, LONGEST_STEP))
        )

    return _check(provider_id, IdentityProvider.Kind.LDAP, walk, actor)


def check_oidc_provider(*, provider_id: UUID, oidc: OidcClient, actor: Actor) -> Sequence[CheckStep]:
    """Walk the steps: address, reachable, TLS, discovery, keys, clock, the client as it is registered there.

    Raises:
        NotFoundError: no such OpenID provider.
        ForbiddenError: by anybody but a superuser.
    """
    return _check(
        provider_id, IdentityProvider.Kind.OIDC, lambda provider: oidc.check(as_oidc(provider)), actor
    )


def _check(
    provider_id: UUID,
    kind: IdentityProvider.Kind,
    walk: Callable[[IdentityProvider], Sequence[CheckStep]],
    actor: Actor,
) -> Sequence[CheckStep]:
    """Ask outside of any transaction; then write down that it was, and what failed."""
    check_superuser(actor, "Only superusers try identity providers out.")
    provider = (
        IdentityProvider.objects.select_related(kind.value).filter(pk=provider_id, kind=kind.value).first()
    )
    if provider is None or not hasattr(provider, kind.value):
        raise NotFoundError("There is no such identity provider.")
    try:
        steps = walk(provider)
    except IdentityUnavailable as problem:
        steps = [CheckStep("Settings", is_ok=False, detail=problem.detail, advice="Type the secret anew.")]
    record_tested(provider, steps, actor)
    return steps


def record_tested(provider: IdentityProvider, steps: Sequence[CheckStep], actor: Actor) -> None:
    """Write down that a provider was tried out, and which steps failed."""
    failed = [step.name for step in steps if not step.is_ok]
    with transaction.atomic():
        record(
            Entry(
                type=EventType.PROVIDER_TESTED,
                at=database_now(),
                actor=actor,
                outcome=Outcome.FAILED if failed else Outcome.DONE,
                details={"provider": provider.slug, "failed": failed},
            )
        )
