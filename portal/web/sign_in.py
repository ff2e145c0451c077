"""Choose where to sign in; sign out."""

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from portal.directory.models import Person
from portal.directory.operations.sign_out import record_sign_out
from portal.directory.queries import enabled_providers
from portal.directory.requests import actor_of
from portal.identity.operations.local_accounts import local_provider
from portal.web.csp import allow_forms_to
from portal.web.redirects import own_path, see_other
from portal.web.signing_out import current_sign_in, logout_redirect
from portal.web.ways_in import choices, form_origins


@require_safe
def sign_in(request: HttpRequest) -> HttpResponse:
    next_path = own_path(request.GET.get("next", ""))
    if isinstance(request.user, Person) and "again" not in request.GET:
        return see_other(next_path)
    providers = enabled_providers().select_related("saml", "oidc", "ldap")
    offered = choices(providers)
    context = {
        "providers": offered,
        # A directory's password goes through our hands.
        "sees_no_password": all(choice.is_posted for choice in offered),
        "next": next_path,
        "has_emergency_accounts": local_provider() is not None,
    }
    return allow_forms_to(render(request, "sign_in/sign_in.html", context), form_origins(providers))


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the portal's own session, then send the browser on to its provider, where that signs it out too.

    What was opened in AWS goes on until its end; the page says so. It leads on by itself, and not by a redirect: the
    form came from any page, and none of them lets its forms lead to other sites.
    """
    sign_in = current_sign_in(request)
    if isinstance(request.user, Person):
        record_sign_out(actor=actor_of(request), sign_in_id=sign_in.pk if sign_in else None)
    logout(request)
    leads_to = logout_redirect(request, sign_in)
    context = {"provider": sign_in.identity.provider.name if sign_in else "", "leads_to": leads_to}
    page = render(request, "sign_in/signed_out.html", context)
    if leads_to is not None:
        page["Refresh"] = f"1; url={leads_to}"
    return page
