"""The emergency accounts' way in: a password, then a second factor, or adding the first one; then loudly in.

Between the two steps nobody is signed in: the browser's session holds who typed a right password, for ten minutes.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import segno
from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from brokers.types import ProvenIdentity
from portal.directory.models import ExternalIdentity, IdentityProvider
from portal.directory.requests import actor_of
from portal.identity.operations.complete_sign_in import complete_sign_in
from portal.identity.operations.factors import FactorRefusedError, has_factor
from portal.identity.operations.factors_recovery import verify_recovery_code
from portal.identity.operations.factors_totp import (
    DIGITS,
    add_authenticator_app,
    begin_authenticator_app,
    same_authenticator_app,
    verify_totp,
)
from portal.identity.operations.limit_tries import limited_tries
from portal.identity.operations.local_accounts import (
    CONTEXT,
    check_local_password,
    local_provider,
    note_break_glass,
)
from portal.identity.operations.refusing import SignInRefusedError, record_refused_sign_in
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError, NotFoundError
from portal.web.forms import put_refusal
from portal.web.known_device import place_of, remember_device
from portal.web.redirects import own_path, see_other
from portal.web.signing_in import let_in

PENDING: Final = "local_sign_in"
PENDING_LIFE: Final = timedelta(minutes=10)
WRONG: Final = "That is not a login and password that go together here."
TOO_OLD: Final = "No second factor was added within a day. Have an operator set the password anew."


class PasswordForm(forms.Form):
    login = forms.CharField(
        max_length=80, widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"})
    )
    password = forms.CharField(
        max_length=256, strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )


class CodeForm(forms.Form):
    code = forms.CharField(
        max_length=60,
        label="Code",
        help_text="The six digits that your authenticator app shows, or a recovery code.",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autofocus": True}),
        error_messages={"required": "Type a code."},
    )


class EnrolForm(CodeForm):
    name = forms.CharField(
        max_length=80, initial="Authenticator app", help_text="To tell it from others later."
    )
    sealed = forms.CharField(widget=forms.HiddenInput)
    field_order = ("name", "code")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].help_text = "The six digits that it shows once it has the picture."


@dataclass(frozen=True, slots=True)
class Pending:
    """Who typed a right password at this browser, and where they were going."""

    identity: ExternalIdentity
    next_path: str
    may_enrol: bool


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    provider = _provider()
    form = PasswordForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _password_page(request, form)
    login = form.cleaned_data["login"]
    try:
        with limited_tries(
            provider=provider, login=login, place=place_of(request, provider, login), actor=actor_of(request)
        ):
            first = check_local_password(login=login, password=form.cleaned_data["password"])
    except SignInRefusedError as refusal:
        record_refused_sign_in(refusal=refusal, provider=provider, actor=actor_of(request))
        form.add_error(None, WRONG)
        return _password_page(request, form)
    if not first.may_enrol and not has_factor(first.identity.person):
        form.add_error(None, TOO_OLD)
        return _password_page(request, form)
    request.session.flush()
    request.session[PENDING] = {
        "identity": str(first.identity.pk),
        "set": first.set_at.isoformat(),
        "until": (database_now() + PENDING_LIFE).isoformat(),
        "next": own_path(request.POST.get("next", "")),
        "may_enrol": first.may_enrol,
    }
    return see_other(reverse("web:local-factor"))


@sensitive_post_parameters("code", "sealed")
@require_http_methods(["GET", "HEAD", "POST"])
def factor(request: HttpRequest) -> HttpResponse:
    pending = _pending(request)
    if pending is None:
        return see_other(reverse("web:local-sign-in"))
    return _give(request, pending) if has_factor(pending.identity.person) else _enrol(request, pending)


def _give(request: HttpRequest, pending: Pending) -> HttpResponse:
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        typed, person = form.cleaned_data["code"], pending.identity.person
        is_totp = len("".join(typed.split())) == DIGITS
        try:
            verify = verify_totp if is_totp else verify_recovery_code
            verify(person=person, code=typed, actor=_as_owner(request, pending))
        except FactorRefusedError as refusal:
            form.add_error("code", str(refusal))
        else:
            return _let_in(request, pending)
    return render(request, "sign_in/local_factor.html", {"form": form})


def _enrol(request: HttpRequest, pending: Pending) -> HttpResponse:
    person = pending.identity.person
    if not pending.may_enrol:
        return see_other(reverse("web:local-sign-in"))
    sent = request.POST.get("sealed", "") if request.method == "POST" else ""
    app = same_authenticator_app(person=person, sealed=sent) if sent else None
    app = app or begin_authenticator_app(person=person)
    form = EnrolForm(request.POST if sent else None, initial={"sealed": app.sealed})
    if form.is_valid():
        try:
            add_authenticator_app(
                person=person,
                name=form.cleaned_data["name"],
                sealed=sent,
                code=form.cleaned_data["code"],
                actor=_as_owner(request, pending),
            )
        except InvalidError as refusal:
            put_refusal(form, refusal)
        else:
            return _let_in(request, replace(pending, next_path=reverse("web:account")))
    picture = segno.make(app.uri, error="m").svg_data_uri(scale=5, border=3, light="white")
    context = {"form": form, "picture": picture, "secret": app.secret}
    return render(request, "sign_in/local_enrol.html", context)


def _let_in(request: HttpRequest, pending: Pending) -> HttpResponse:
    identity = pending.identity
    proven = ProvenIdentity(
        subject=identity.subject,
        subject_format=identity.subject_format,
        login=identity.login,
        authenticated_at=database_now(),
        contexts=(CONTEXT,),
    )
    signed_in = complete_sign_in(
        provider=identity.provider, proven=proven, next_path=pending.next_path, actor=actor_of(request)
    )
    note_break_glass(identity=identity, actor=_as_owner(request, pending))
    answer = let_in(request, signed_in)
    remember_device(request, answer, identity.provider, identity.login)
    return answer


def _provider() -> IdentityProvider:
    provider = local_provider()
    if provider is None:
        raise NotFoundError("There are no emergency accounts here.")
    return provider


def _password_page(request: HttpRequest, form: PasswordForm) -> HttpResponse:
    told = request.POST.get("next", "") or request.GET.get("next", "")
    status = 403 if form.is_bound and form.non_field_errors() else 200
    context = {"form": form, "next": own_path(told)}
    return render(request, "sign_in/local.html", context, status=status)


def _pending(request: HttpRequest) -> Pending | None:
    told = request.session.get(PENDING)
    if not told or datetime.fromisoformat(told["until"]) <= database_now():
        return None
    identities = ExternalIdentity.objects.select_related("person", "provider")
    identity = identities.filter(
        pk=UUID(told["identity"]),
        gone_at=None,
        person__is_active=True,
        provider__is_enabled=True,
        # The password that was right is still the password: whoever had it changed shuts out who knew the old one.
        local_password__changed_at=datetime.fromisoformat(told["set"]),
    ).first()
    return Pending(identity, told["next"], told["may_enrol"]) if identity else None


def _as_owner(request: HttpRequest, pending: Pending) -> Actor:
    """Return the account's person as the actor: their password was right, though nobody is signed in yet."""
    person = pending.identity.person
    return replace(
        actor_of(request),
        kind=ActorKind.PERSON,
        label=person.name,
        person_id=person.pk,
        signed_in_at=database_now(),
    )
