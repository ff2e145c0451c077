"""Identity providers for admins: all of them, one by one, and whether they work."""

from collections.abc import Sequence

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from brokers.types import CheckStep
from portal import wiring
from portal.directory.models import IdentityProvider
from portal.directory.provider_queries import KnownThere, known_providers
from portal.directory.requests import actor_of
from portal.identity.operations.check_provider import check_ldap_provider, check_oidc_provider
from portal.identity.operations.check_saml_provider import check_saml_provider
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import NotFoundError
from portal.web.guard import PersonRequest, signed_in, zone_of
from portal.web.presenters.providers import Tried
from portal.web.provider_doors import check_sees, for_superusers, found, may_act
from portal.web.provider_forms import ScimTokenForm
from portal.web.provider_page import provider_line, provider_page, tried_out

Kind = IdentityProvider.Kind


@require_safe
@signed_in
def providers(request: PersonRequest) -> HttpResponse:
    check_sees(request.user)
    now, zone = database_now(), zone_of(request.user)
    lines = [provider_line(known, now=now, zone=zone) for known in known_providers()]
    return render(request, "providers/providers.html", {"providers": lines, "may_act": may_act(request.user)})


@require_safe
@signed_in
def provider(request: PersonRequest, slug: str) -> HttpResponse:
    return show(request, found(request.user, slug))


@require_POST
@signed_in
@for_superusers
def provider_test(request: PersonRequest, slug: str) -> HttpResponse:
    """Walk the provider's steps, and show where they stopped."""
    known = found(request.user, slug)
    steps = _walk(known.provider, actor_of(request))
    return show(request, found(request.user, slug), tried=tried_out(known.provider, steps))


def show(
    request: PersonRequest,
    known: KnownThere,
    *,
    tried: Tried | None = None,
    form: ScimTokenForm | None = None,
    new_token: str = "",
) -> HttpResponse:
    """Answer with the provider's page; `new_token` is shown this once."""
    page = provider_page(
        known,
        read=wiring.saml_ports().read_metadata,
        may_act=may_act(request.user),
        now=database_now(),
        zone=zone_of(request.user),
        tried=tried,
    )
    context = {"page": page, "form": form or ScimTokenForm(), "new_token": new_token}
    return render(
        request, "providers/provider.html", context, status=400 if form is not None and form.errors else 200
    )


def _walk(provider: IdentityProvider, actor: Actor) -> Sequence[CheckStep]:
    if provider.kind == Kind.LDAP:
        return check_ldap_provider(provider_id=provider.pk, ldap=wiring.ldap_ports(), actor=actor)
    if provider.kind == Kind.OIDC:
        return check_oidc_provider(provider_id=provider.pk, oidc=wiring.oidc_ports(), actor=actor)
    if provider.kind == Kind.SAML:
        saml = wiring.saml_ports()
        return check_saml_provider(
            provider_id=provider.pk,
            saml=saml.provider,
            read=saml.read_metadata,
            fetch=saml.fetch,
            actor=actor,
        )
    raise NotFoundError("There is nothing to try out at this provider.")
