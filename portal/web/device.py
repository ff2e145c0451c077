"""Let a program in, by its code. Whoever opens this may have been sent here by somebody else (RFC 8628, section 5.4).

So a link alone does nothing: it shows the code to compare, where the program asks from, and what it could do.
"""

from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from portal.directory.models import ApiToken, DeviceSignIn
from portal.directory.requests import actor_of, client_ip
from portal.identity.operations.device_codes import CLIENTS, tidy_user_code
from portal.identity.operations.device_sign_in import decide_device_sign_in, find_device_sign_in
from portal.identity.operations.limit_tries import NOWHERE, Place
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, NotFoundError
from portal.web.guard import PersonRequest, signed_in, zone_of
from portal.web.presenters import Moment, moment

YES: Final = "let-in"
NO: Final = "refuse"


class CodeForm(forms.Form):
    user_code = forms.CharField(
        max_length=40,
        label="Code",
        help_text="The eight letters that the program shows, such as WDJB-MJHT.",
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
        error_messages={"required": "Type the code that the program shows."},
    )


@dataclass(frozen=True, slots=True)
class Asking:
    """A program that waits, as its person sees it. `network` says how its address compares with this browser's."""

    code: str
    client: str
    ip: str
    user_agent: str
    is_same_network: bool
    asked: Moment
    scopes: tuple[str, ...]
    hours: int


@sensitive_post_parameters("user_code")
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def device(request: PersonRequest) -> HttpResponse:
    """Ask for the code, then ask whether; only the button lets a program in."""
    told = request.POST if request.method == "POST" else request.GET
    if "user_code" not in told:
        return _page(request, CodeForm())
    form = CodeForm({"user_code": told["user_code"]})
    if not form.is_valid():
        return _page(request, form, status=400)
    code = tidy_user_code(form.cleaned_data["user_code"])
    act = request.POST.get("act", "")
    try:
        if act in {YES, NO}:
            return _decided(request, code, approve=act == YES)
        found = find_device_sign_in(user_code=code, place=_place(request), actor=actor_of(request))
    except (NotFoundError, ConflictError) as refusal:
        form.add_error("user_code", str(refusal))
        return _page(request, form, status=400)
    return render(request, "account/device_confirm.html", {"asking": _asking(request, found, code)})


def _decided(request: PersonRequest, code: str, *, approve: bool) -> HttpResponse:
    row = decide_device_sign_in(
        user_code=code, approve=approve, place=_place(request), actor=actor_of(request)
    )
    context = {"client": CLIENTS[row.client].name, "approved": approve, "hours": settings.CLI_TOKEN_HOURS}
    return render(request, "account/device_done.html", context)


def _page(request: PersonRequest, form: CodeForm, *, status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {"form": form}
    return render(request, "account/device.html", context, status=status)


def _place(request: PersonRequest) -> Place:
    return Place(client_ip(request))


def _asking(request: PersonRequest, row: DeviceSignIn, code: str) -> Asking:
    theirs, ours = Place(row.ip).network, _place(request).network
    labels = {scope.value: str(scope.label) for scope in ApiToken.Scope}
    return Asking(
        code=code,
        client=CLIENTS[row.client].name,
        ip=row.ip or "an unknown address",
        user_agent=row.user_agent,
        is_same_network=theirs == ours != NOWHERE,
        asked=moment(row.asked_at, now=database_now(), zone=zone_of(request.user)),
        scopes=tuple(labels.get(scope, scope).capitalize() for scope in row.scopes),
        hours=settings.CLI_TOKEN_HOURS,
    )
