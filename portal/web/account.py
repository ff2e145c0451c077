"""How I sign in: second factors, recovery codes, and where I am signed in now."""

from datetime import datetime, tzinfo
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from portal.access.operations.credentials.user_keys import own_users
from portal.access.queries import grants_of
from portal.directory.models import AuthenticatorApp, Passkey, Person, SignIn
from portal.directory.requests import actor_of
from portal.identity.operations.end_sign_ins import end_sign_ins
from portal.identity.operations.factors import codes_left
from portal.identity.operations.factors_passkeys import passkeys_work
from portal.identity.operations.factors_removal import kind_of
from portal.kernel.clock import database_now
from portal.kernel.errors import NotFoundError
from portal.web.csp import allow_forms_to
from portal.web.guard import PersonRequest, signed_in, zone_of
from portal.web.identities import identities_of, link_origins
from portal.web.intents import waiting
from portal.web.presenters import moment
from portal.web.presenters.account import Account, FactorRow, SignInRow, browser_words
from portal.web.redirects import see_other

BY_THEMSELVES = "ended by their own person"


@require_safe
@signed_in
def account(request: PersonRequest) -> HttpResponse:
    person, now, zone = request.user, database_now(), zone_of(request.user)
    key = request.session.session_key
    asking = [grant for grant in grants_of(person.pk, at=now) if grant.ended_at is None]
    view = Account(
        factors=tuple(_factor(each, now=now, zone=zone) for each in _factors(person)),
        sign_ins=tuple(_sign_in(each, key, now=now, zone=zone) for each in _sign_ins(person, now)),
        codes_left=codes_left(person),
        passkeys_work=passkeys_work(),
        asks=sum(bool(grant.role.factor_minutes) for grant in asking),
        iam_users=len(own_users(person.pk)),
    )
    context = {"view": view, "waiting": waiting(request), "identities": identities_of(request)}
    return allow_forms_to(render(request, "account/account.html", context), link_origins(request))


@require_POST
@signed_in
def sign_in_end(request: PersonRequest, sign_in_id: UUID) -> HttpResponse:
    chosen = SignIn.objects.filter(pk=sign_in_id, person=request.user)
    if not end_sign_ins(chosen, why=BY_THEMSELVES, actor=actor_of(request)):
        raise NotFoundError("There is no such sign-in.")
    messages.success(request, "That browser is signed out.")
    return see_other(reverse("web:account"))


@require_POST
@signed_in
def sign_ins_end(request: PersonRequest) -> HttpResponse:
    others = SignIn.objects.filter(person=request.user).exclude(session_key=request.session.session_key)
    ended = end_sign_ins(others, why=BY_THEMSELVES, actor=actor_of(request))
    words = "No other browser was signed in."
    if ended:
        words = (
            "One other browser is signed out." if ended == 1 else f"{ended} other browsers are signed out."
        )
    messages.success(request, words)
    return see_other(reverse("web:account"))


def _factors(person: Person) -> list[AuthenticatorApp | Passkey]:
    return [*person.passkeys.all(), *person.authenticator_apps.all()]


def _factor(factor: AuthenticatorApp | Passkey, *, now: datetime, zone: tzinfo) -> FactorRow:
    used = factor.last_used_at
    return FactorRow(
        id=str(factor.pk),
        name=factor.name,
        kind=kind_of(factor).capitalize(),
        added=moment(factor.created_at, now=now, zone=zone),
        last_used=moment(used, now=now, zone=zone) if used else None,
    )


def _sign_ins(person: Person, now: datetime) -> list[SignIn]:
    open_now = SignIn.objects.filter(person=person, expires_at__gt=now)
    return list(open_now.select_related("identity__provider").order_by("-started_at")[:50])


def _sign_in(sign_in: SignIn, key: str | None, *, now: datetime, zone: tzinfo) -> SignInRow:
    return SignInRow(
        id=str(sign_in.pk),
        browser=browser_words(sign_in.user_agent),
        provider=sign_in.identity.provider.name,
        ip=sign_in.ip or "",
        started=moment(sign_in.started_at, now=now, zone=zone),
        expires=moment(sign_in.expires_at, now=now, zone=zone),
        is_this=sign_in.session_key == key,
    )
