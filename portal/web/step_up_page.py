"""What the page that asks for a second factor shows: what for, and by which ways this person can give one."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from portal.access.models import Grant
from portal.access.queries import visible_grants
from portal.directory.models import IdentityProvider, Person
from portal.directory.requests import actor_of
from portal.identity.operations.factor_given import find_usable_token
from portal.identity.operations.factors import codes_left
from portal.identity.operations.factors_passkeys import ask_passkey, passkeys_work
from portal.identity.operations.fresh import FRESH
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.web.aws import sign_in_origins
from portal.web.cards import account_label
from portal.web.csp import allow_forms_to
from portal.web.guard import PersonRequest
from portal.web.intents import Act, Intent, put_challenge
from portal.web.presenters import AccountLabel
from portal.web.signing_in import SKEW
from portal.web.signing_out import current_sign_in
from portal.web.ways_in import form_origins

# Where a browser is sent to its provider, by kind; the others ask for nothing beyond a password.
BEGIN: Final = {
    IdentityProvider.Kind.SAML: "web:saml-begin",
    IdentityProvider.Kind.OIDC: "web:oidc-begin",
}
ACTS: Final = {
    Act.CONSOLE: "Open console",
    Act.LINK: "Open console",
    Act.CREDENTIALS: "Get credentials",
    Act.TOKEN: "Let the token go on",
    Act.PAGE: "Go on",
}


@dataclass(frozen=True, slots=True)
class ProviderWay:
    """A provider that can be asked for a second factor: its name, and where the form leads."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class StepUp:
    """The page. `passkey`: the options for the browser; empty without one. `is_ready`: a fresh one was given already.

    `why`: what asks for it. `way`: which was tried when `problem` came of it.
    """

    intent: Intent
    act: str
    why: str
    role_name: str
    account: AccountLabel | None
    destination: str
    token: str
    passkey: str
    has_app: bool
    codes_left: int
    provider: ProviderWay | None
    is_ready: bool
    problem: str
    way: str

    @property
    def has_way(self) -> bool:
        return bool(self.passkey or self.has_app or self.codes_left or self.provider)


def step_up_page(
    request: PersonRequest, intent: Intent, *, problem: str = "", way: str = "", status: int = 200
) -> HttpResponse:
    person = request.user
    passkey = ""
    if passkeys_work() and person.passkeys.exists():
        asked = ask_passkey(person=person)
        put_challenge(request, intent, asked.challenge)
        passkey = asked.options
    grant = grant_of(request, intent)
    provider = _provider(request)
    view = StepUp(
        intent=intent,
        act=ACTS[intent.act],
        why=_why(intent, grant),
        role_name=grant.role.title if grant else "",
        account=account_label(grant) if grant else None,
        destination=intent.destination,
        token=_token(intent, person),
        passkey=passkey,
        has_app=person.authenticator_apps.exists(),
        codes_left=codes_left(person),
        provider=_way(provider),
        is_ready=is_satisfied(intent, actor_of(request), grant),
        problem=problem,
        way=way,
    )
    page = render(request, "step_up/step_up.html", {"view": view}, status=status)
    origins = [*sign_in_origins()] if intent.act in {Act.CONSOLE, Act.LINK} else []
    if view.provider is not None and provider is not None:
        origins += form_origins([provider])
    return allow_forms_to(page, origins)


def is_satisfied(intent: Intent, actor: Actor, grant: Grant | None = None) -> bool:
    """Whether the browser's second factor is fresh enough for it. Of a grant the operation itself is the judge.

    A token takes none that was given before it was asked for: a link that somebody sent must not be enough. Clocks
    of providers may differ by a minute.
    """
    if actor.factor_at is None:
        return False
    if intent.act == Act.TOKEN:
        return actor.factor_at >= intent.at - SKEW
    age = database_now() - actor.factor_at
    if grant is not None:
        return age < timedelta(minutes=grant.role.factor_minutes)
    return intent.act != Act.PAGE or age < FRESH


def grant_of(request: PersonRequest, intent: Intent) -> Grant | None:
    if intent.grant_id is None:
        return None
    grants = visible_grants(request.user.pk, sees_all=False).select_related("role__account")
    return grants.filter(pk=intent.grant_id).first()


def _why(intent: Intent, grant: Grant | None) -> str:
    if intent.act == Act.PAGE and grant is None:
        return "It is asked for before anything changes of how you sign in."
    if grant is None or not grant.role.factor_minutes:
        return "Only do this if you started the program yourself."
    minutes = grant.role.factor_minutes
    span = "minute" if minutes == 1 else f"{minutes} minutes"
    return f"This role asks for one that was given within the last {span}."


def _token(intent: Intent, person: Person) -> str:
    token = find_usable_token(token_id=UUID(intent.token), person_id=person.pk) if intent.token else None
    return f"{token.name} ({token.prefix}…)" if token else ""


def _provider(request: PersonRequest) -> IdentityProvider | None:
    """Return the provider of this sign-in, where it can be asked for a second factor."""
    sign_in = current_sign_in(request)
    provider = sign_in.identity.provider if sign_in else None
    if provider is None or not provider.is_enabled or provider.kind not in BEGIN:
        return None
    return provider if provider.factor_contexts or provider.step_up_context else None


def _way(provider: IdentityProvider | None) -> ProviderWay | None:
    if provider is None:
        return None
    name = BEGIN[IdentityProvider.Kind(provider.kind)]
    return ProviderWay(provider.name, reverse(name, args=[provider.slug]))
