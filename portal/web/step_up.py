"""A fresh second factor: the page that asks for it. Whoever gives it goes on with what they were doing.

A GET shows; the POST that proves the factor does what was intended in the same answer. Whoever proved it at their
provider comes back by a GET, and so goes on by one more button.
"""

from typing import Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from portal.access.operations.credentials.fresh_factor import StepUpNeededError
from portal.access.queries import visible_grants
from portal.directory.requests import actor_of
from portal.identity.operations.factor_given import (
    find_usable_token,
    give_factor_to_sign_in,
    give_factor_to_token,
)
from portal.identity.operations.factors import FactorRefusedError, GivenFactor
from portal.identity.operations.factors_passkeys import verify_passkey
from portal.identity.operations.factors_recovery import verify_recovery_code
from portal.identity.operations.factors_totp import verify_totp
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError, NotFoundError
from portal.web.console import to_console, to_console_by_link
from portal.web.credentials import credentials_page
from portal.web.guard import PersonRequest, signed_in
from portal.web.intents import Act, Intent, ask_factor, drop, find, take_challenge
from portal.web.redirects import see_other
from portal.web.step_up_page import grant_of, is_satisfied, step_up_page

GO_ON: Final = "go-on"
AGAIN: Final = "The second factor that you gave is too old by now: give it once more."


@sensitive_post_parameters("code", "answer")
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def step_up(request: PersonRequest) -> HttpResponse:
    if request.method == "POST":
        intent = find(request, request.POST.get("for", ""))
        return _over(request) if intent is None else _proven(request, intent)
    if "for" not in request.GET:
        return _begun_elsewhere(request)
    intent = find(request, request.GET["for"])
    if intent is None:
        return _over(request)
    if intent.act == Act.PAGE and is_satisfied(intent, actor_of(request), grant_of(request, intent)):
        return _act(request, intent)
    return step_up_page(request, intent)


def _proven(request: PersonRequest, intent: Intent) -> HttpResponse:
    """Judge what was given; then do what was intended. What is refused leaves the page as it was."""
    way = request.POST.get("way", "")
    if way == GO_ON:
        return _act(request, intent) if is_satisfied(intent, actor_of(request)) else _again(request, intent)
    try:
        given = _given(request, intent, way)
    except FactorRefusedError as refusal:
        return step_up_page(request, intent, problem=str(refusal), way=way, status=400)
    give_factor_to_sign_in(
        session=request.session,
        factor=given.factor,
        at=given.at,
        actor=actor_of(request),
        is_recorded=True,
    )
    return _act(request, intent)


def _given(request: PersonRequest, intent: Intent, way: str) -> GivenFactor:
    person, actor = request.user, actor_of(request)
    if way == "passkey":
        challenge = take_challenge(request, intent)
        answer = request.POST.get("answer", "")
        return verify_passkey(person=person, answer=answer, challenge=challenge, actor=actor)
    code = request.POST.get("code", "")
    if way == "app":
        return verify_totp(person=person, code=code, actor=actor)
    if way == "recovery":
        return verify_recovery_code(person=person, code=code, actor=actor)
    raise InvalidError("Choose one of the ways on the page.", field="way")


def _act(request: PersonRequest, intent: Intent) -> HttpResponse:
    """Do what was intended, by the same operations as ever: they judge whose grant it is, and how old the factor."""
    try:
        answer = _done(request, intent)
    except StepUpNeededError:
        return _again(request, intent)
    drop(request, intent)
    return answer


def _done(request: PersonRequest, intent: Intent) -> HttpResponse:
    if intent.act == Act.CONSOLE and intent.grant_id:
        return to_console(request, intent.grant_id, intent.destination)
    if intent.act == Act.CREDENTIALS and intent.grant_id:
        return credentials_page(request, intent.grant_id)
    if intent.act == Act.LINK:
        return to_console_by_link(request, intent.link)
    if intent.act == Act.TOKEN:
        return _token_given(request, intent)
    return see_other(intent.path)


def _token_given(request: PersonRequest, intent: Intent) -> HttpResponse:
    actor = actor_of(request)
    token = give_factor_to_token(
        token_id=UUID(intent.token), at=actor.factor_at or database_now(), actor=actor
    )
    return render(request, "step_up/token_done.html", {"token": token})


def _begun_elsewhere(request: PersonRequest) -> HttpResponse:
    """Begin at an address that the API gave: for a token of this person's, or for this browser.

    Raises:
        NotFoundError: another's token or grant, or one that is over.
    """
    token, grant = request.GET.get("token", ""), request.GET.get("grant", "")
    if not token and not grant:
        return see_other(reverse("web:my-access"))
    if grant and not visible_grants(request.user.pk, sees_all=False).filter(pk=_id(grant)).exists():
        raise NotFoundError("There is no such grant.")
    if token:
        found = find_usable_token(token_id=_id(token), person_id=request.user.pk)
        if found is None:
            raise NotFoundError("There is no such token.")
        return ask_factor(request, Act.TOKEN, token=str(found.pk), grant=grant)
    return ask_factor(request, Act.PAGE, path=reverse("web:grant", args=[_id(grant)]), grant=grant)


def _id(told: str) -> UUID:
    try:
        return UUID(told)
    except ValueError:
        raise NotFoundError("There is no such address.") from None


def _again(request: PersonRequest, intent: Intent) -> HttpResponse:
    return step_up_page(request, intent, problem=AGAIN, status=403)


def _over(request: PersonRequest) -> HttpResponse:
    """Say that there is nothing to go on with. It is nobody's fault: it was done, or waited for too long."""
    messages.info(request, "That was done, or it waited for more than ten minutes: start it again from here.")
    return see_other(reverse("web:my-access"))
