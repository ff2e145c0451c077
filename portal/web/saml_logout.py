"""SAML log-out in the browser: the provider's messages, by redirect or form. See operations/saml_logout.py."""

from typing import Final

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from brokers.types import SamlMessage
from portal import wiring
from portal.directory.models import Person, SignIn
from portal.directory.requests import actor_of
from portal.identity.operations import saml_logout
from portal.identity.operations.refusing import SignInRefusedError
from portal.kernel.errors import ForbiddenError
from portal.web.errors import error_page
from portal.web.redirects import see_other

REFUSED: Final = (
    "The identity provider's log-out message was not accepted. To sign out of Sallyport, use the button here."
)


def logout_redirect(request: HttpRequest, sign_in: SignIn) -> str | None:
    """Return where this sign-in's provider signs the browser out too, with a signed LogoutRequest."""
    del request
    saml = wiring.saml_ports()
    return saml_logout.begin_saml_logout(sign_in=sign_in, saml=saml.provider, read=saml.read_metadata)


@csrf_exempt  # it comes from another site by its nature; its own signature says whose word it is
@require_http_methods(["GET", "POST"])
def slo(request: HttpRequest) -> HttpResponse:
    """Take a signed LogoutRequest, and answer it; or the answer to our own, and show it.

    A GET changes something here because the binding says so (saml-bindings-2.0-os, 3.4): what it ends is in what the
    provider signed, never in whose browser brings it.
    """
    try:
        message, is_answer = _message(request)
        return _answered(request, message) if is_answer else _end(request, message)
    except SignInRefusedError:
        return error_page(request, ForbiddenError(REFUSED))  # the operation has written the audit row


def _end(request: HttpRequest, message: SamlMessage) -> HttpResponse:
    saml = wiring.saml_ports()
    leads_to = saml_logout.end_by_saml_logout(
        message=message, saml=saml.provider, read=saml.read_metadata, actor=actor_of(request)
    )
    if leads_to is None:
        return render(request, "sign_in/signed_out.html")
    return see_other(leads_to)


def _answered(request: HttpRequest, message: SamlMessage) -> HttpResponse:
    saml = wiring.saml_ports()
    there = saml_logout.read_saml_logout_answer(
        message=message, saml=saml.provider, read=saml.read_metadata, actor=actor_of(request)
    )
    if isinstance(request.user, Person):
        return see_other(reverse("web:my-access"))  # signed in again meanwhile: nothing to tell
    name = there.provider.name
    words = (
        f"{name} has signed you out too."
        if there.answer.is_success
        else f"{name} could not sign you out everywhere ({there.answer.status}). Close the browser to be sure."
    )
    return render(request, "sign_in/signed_out.html", {"there": words})


def _message(request: HttpRequest) -> tuple[SamlMessage, bool]:
    """Return the message as it came, and whether it is an answer."""
    if request.method == "GET":
        query = str(request.META.get("QUERY_STRING", ""))
        return SamlMessage(query=query), "SAMLResponse" in QueryDict(query)
    try:
        form = request.POST
    except (RequestDataTooBig, SuspiciousOperation, MultiPartParserError, OSError):
        form = QueryDict()
    fields = [form.getlist(name) for name in ("SAMLRequest", "SAMLResponse")]
    posted = "".join(value for values in fields for value in values) if sum(map(len, fields)) == 1 else "!"
    return SamlMessage(posted=posted, relay_state=form.get("RelayState")), bool(fields[1])
