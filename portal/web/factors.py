"""Adding and removing second factors: each page only for who gave one just now, or signed in where there is none."""

import base64
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, Final, ParamSpec
from urllib.parse import quote
from uuid import UUID

import segno
from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from portal.directory.requests import actor_of
from portal.identity.operations.factor_given import give_factor_to_sign_in
from portal.identity.operations.factors import (
    LONGEST_NAME,
    FactorNeededError,
    SignInAgainError,
    check_may_change,
    codes_left,
    has_factor,
)
from portal.identity.operations.factors_passkeys import add_passkey, begin_passkey, passkeys_work
from portal.identity.operations.factors_recovery import HOW_MANY, make_recovery_codes
from portal.identity.operations.factors_removal import find_factor, kind_of, remove_factor
from portal.identity.operations.factors_totp import (
    NewApp,
    add_authenticator_app,
    begin_authenticator_app,
    same_authenticator_app,
)
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError, NotFoundError
from portal.web.forms import put_refusal
from portal.web.guard import PersonRequest, signed_in
from portal.web.intents import Act, ask_factor
from portal.web.redirects import see_other

NEW_APP: Final = "new_app"
NEW_PASSKEY: Final = "new_passkey"
P = ParamSpec("P")


class NameForm(forms.Form):
    name = forms.CharField(
        label="Name", max_length=LONGEST_NAME, help_text="What you know it by, such as Phone or Key ring."
    )


class AppForm(NameForm):
    code = forms.CharField(
        label="Code",
        max_length=20,
        help_text="The six digits that the app shows now.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )


class PasskeyForm(NameForm):
    answer = forms.CharField(widget=forms.HiddenInput(attrs={"data-answer": ""}), required=False)


def proven(
    view: Callable[Concatenate[PersonRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Let in whoever may change their factors now; lead everybody else to proving it, and then back here."""

    @wraps(view)
    def guarded(request: PersonRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            check_may_change(request.user, actor=actor_of(request))
        except FactorNeededError:
            return ask_factor(request, Act.PAGE, path=request.path)
        except SignInAgainError as refusal:
            again = f"{reverse('web:sign-in')}?again=1&next={quote(request.path, safe='/')}"
            context = {"detail": str(refusal), "again": again}
            return render(request, "account/sign_in_again.html", context, status=403)
        return view(request, *args, **kwargs)

    return signed_in(guarded)


@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
@proven
def add_app(request: PersonRequest) -> HttpResponse:
    app = _app_under_way(request)
    form = AppForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            added = add_authenticator_app(
                person=request.user,
                name=form.cleaned_data["name"],
                sealed=app.sealed,
                code=form.cleaned_data["code"],
                actor=actor_of(request),
            )
        except InvalidError as refusal:
            put_refusal(form, refusal)
        else:
            del request.session[NEW_APP]
            return _added(request, f"authenticator app: {added.name}")
    # As an image of the page's own: nothing of the secret is fetched from anywhere.
    picture = segno.make(app.uri, error="m").svg_data_uri(scale=5, border=3, light="white")
    context = {"form": form, "picture": picture, "secret": _grouped(app.secret)}
    return render(request, "account/add_app.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@proven
def add_a_passkey(request: PersonRequest) -> HttpResponse:
    if not passkeys_work():
        raise NotFoundError("Passkeys need a portal with a name of its own, over TLS.")
    form = PasskeyForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        # Used up, whatever comes of it.
        challenge = base64.b64decode(request.session.pop(NEW_PASSKEY, ""))
        try:
            added = add_passkey(
                person=request.user,
                name=form.cleaned_data["name"],
                answer=form.cleaned_data["answer"],
                challenge=challenge,
                actor=actor_of(request),
            )
        except InvalidError as refusal:
            form.add_error("name" if refusal.field == "name" else None, str(refusal))
        else:
            return _added(request, f"passkey: {added.name}")
    asked = begin_passkey(person=request.user)
    request.session[NEW_PASSKEY] = base64.b64encode(asked.challenge).decode()
    context = {"form": form, "options": asked.options}
    return render(request, "account/add_passkey.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@proven
def recovery_codes(request: PersonRequest) -> HttpResponse:
    if request.method != "POST":
        if not has_factor(request.user):
            return see_other(reverse("web:account"))
        context = {"left": codes_left(request.user), "number": HOW_MANY}
        return render(request, "account/make_codes.html", context)
    codes = make_recovery_codes(person=request.user, actor=actor_of(request))
    return render(request, "account/codes.html", {"codes": codes})


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def remove(request: PersonRequest, factor_id: UUID) -> HttpResponse:
    # Whose it is comes first: another's looks like none.
    factor = find_factor(person=request.user, factor_id=factor_id)
    return _remove(request, kind_of(factor), factor.name, factor_id)


@proven
def _remove(request: PersonRequest, kind: str, name: str, factor_id: UUID) -> HttpResponse:
    person = request.user
    if request.method != "POST":
        is_last = person.passkeys.count() + person.authenticator_apps.count() == 1
        context = {"kind": kind, "name": name, "is_last": is_last, "left": codes_left(person)}
        return render(request, "account/remove.html", context)
    removed = remove_factor(person=person, factor_id=factor_id, actor=actor_of(request))
    messages.success(request, f"Removed: {removed}.")
    return see_other(reverse("web:account"))


def _added(request: PersonRequest, factor: str) -> HttpResponse:
    """Adding it took using it: that is a second factor, given now."""
    give_factor_to_sign_in(
        session=request.session,
        factor=factor,
        at=database_now(),
        actor=actor_of(request),
        is_recorded=True,
    )
    words = f"Added: {factor.partition(': ')[2]}."
    if not codes_left(request.user):
        words += " Make recovery codes next, for the day it is lost."
    messages.success(request, words)
    return see_other(reverse("web:account"))


def _app_under_way(request: PersonRequest) -> NewApp:
    """Return the secret that is shown since the page was first opened, or a new one after ten minutes."""
    held = request.session.get(NEW_APP, "")
    app = same_authenticator_app(person=request.user, sealed=held) if held else None
    if app is None:
        app = begin_authenticator_app(person=request.user)
        request.session[NEW_APP] = app.sealed
    return app


def _grouped(secret: str) -> str:
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
