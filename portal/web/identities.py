"""Who I am at which provider, for the page 'How I sign in'; taking one off. Linking goes by the provider's begin."""

from datetime import datetime, tzinfo
from uuid import UUID

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from portal.directory.models import ExternalIdentity, IdentityProvider, Person
from portal.directory.queries import enabled_providers
from portal.directory.requests import actor_of
from portal.identity.operations.fresh import check_fresh, is_fresh
from portal.identity.operations.unlink_identity import unlink_identity, why_kept
from portal.kernel.clock import database_now
from portal.kernel.errors import NotFoundError
from portal.web.guard import PersonRequest, signed_in, zone_of
from portal.web.presenters import moment
from portal.web.presenters.identities import Identities, IdentityRow
from portal.web.redirects import see_other
from portal.web.ways_in import choices, form_origins


def identities_of(request: PersonRequest) -> Identities:
    now, zone = database_now(), zone_of(request.user)
    found = request.user.identities.select_related("provider").order_by("linked_at", "pk")
    return Identities(
        rows=tuple(_row(identity, now=now, zone=zone) for identity in found),
        # A password is typed at the portal itself for a directory's: linking one is an admin's.
        others=tuple(choice for choice in choices(_linkable(request.user)) if choice.is_posted),
        is_fresh=is_fresh(actor_of(request)),
    )


def link_origins(request: PersonRequest) -> list[str]:
    """Return where the forms lead that begin linking."""
    return form_origins(_linkable(request.user))


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def unlink(request: PersonRequest, identity_id: UUID) -> HttpResponse:
    found = request.user.identities.select_related("provider").filter(pk=identity_id).first()
    if found is None:
        raise NotFoundError("There is no such identity.")
    if request.method == "POST":
        unlink_identity(identity_id=found.pk, actor=actor_of(request))
        messages.success(request, f"Taken off: you no longer sign in at {found.provider.name}.")
        return see_other(reverse("web:account"))
    check_fresh(actor_of(request))
    groups = request.user.memberships.filter(group__provider=found.provider).count()
    context = {"provider": found.provider.name, "login": _login(found), "groups": groups}
    return render(request, "account/unlink.html", context)


def _linkable(person: Person) -> QuerySet[IdentityProvider]:
    """Where the person has no identity yet, of those that may vouch for them."""
    may = Q(partner=None) | Q(partner=person.partner_id)
    providers = enabled_providers().filter(may).exclude(identities__person=person)
    return providers.select_related("partner", "saml", "oidc", "ldap")


def _row(identity: ExternalIdentity, *, now: datetime, zone: tzinfo) -> IdentityRow:
    seen, provider = identity.last_seen_at, identity.provider
    gone = identity.gone_why if identity.gone_at else ""
    off = "" if provider.is_enabled else "switched off"
    return IdentityRow(
        id=str(identity.pk),
        provider=provider.name,
        login=_login(identity),
        since=moment(identity.linked_at, now=now, zone=zone),
        last_seen=moment(seen, now=now, zone=zone) if seen else None,
        gone=gone or off,
        kept="Gone there. Ask an admin." if gone else why_kept(identity),
    )


def _login(identity: ExternalIdentity) -> str:
    """Return what the person would know it by; a subject may be any opaque text."""
    return identity.login or identity.subject
