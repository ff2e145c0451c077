"""A partner's people, for its own admins: who is here, add somebody, end somebody's access, make somebody an admin."""

from collections.abc import Collection
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from portal.access.lifecycle import LIVING, stored
from portal.access.models import Grant
from portal.directory.models import IdentityProvider, Partner, Person
from portal.directory.people_quota import PeopleQuotaError
from portal.directory.requests import actor_of
from portal.identity.operations.partner_people import (
    add_partner_person,
    deactivate_partner_person,
    own_providers,
    reactivate_partner_person,
    set_partner_admin,
)
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, InvalidError, NotFoundError
from portal.web.company_colleagues import people_page
from portal.web.company_doors import company_to_manage
from portal.web.company_forms import ColleagueForm, ColleagueReasonForm
from portal.web.forms import put_refusal
from portal.web.guard import PersonRequest, signed_in, zone_of
from portal.web.redirects import see_other


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def company_people(request: PersonRequest) -> HttpResponse:
    partner = company_to_manage(request)
    providers = own_providers(partner.pk)
    form = ColleagueForm(request.POST if request.method == "POST" else None, providers=providers)
    if form.is_valid() and (added := _added(request, form)) is not None:
        messages.success(request, f"{added.name} can sign in now. They have nothing until it is granted.")
        return see_other(reverse("web:company-people"))
    return _show(request, partner, providers, form)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def colleague_deactivate(request: PersonRequest, person_id: UUID) -> HttpResponse:
    person = _colleague(request, person_id)
    form = ColleagueReasonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            ended = deactivate_partner_person(
                person_id=person_id, reason=form.cleaned_data["reason"], actor=actor_of(request)
            )
        except InvalidError as refusal:
            put_refusal(form, refusal)
        else:
            words = f"{person.name} is deactivated; access ended: {ended.grants}, API tokens revoked: {ended.tokens}."
            messages.success(request, words)
            return see_other(reverse("web:company-people"))
    living = Grant.objects.filter(person=person, state__in=stored(LIVING)).count()
    return _ask(request, "company/deactivate.html", person, form, living=living)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def colleague_reactivate(request: PersonRequest, person_id: UUID) -> HttpResponse:
    person = _colleague(request, person_id)
    form = ColleagueReasonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            reactivate_partner_person(
                person_id=person_id, reason=form.cleaned_data["reason"], actor=actor_of(request)
            )
        except InvalidError as refusal:
            put_refusal(form, refusal)
        else:
            messages.success(request, f"{person.name} may sign in again. What had ended stays ended.")
            return see_other(reverse("web:company-people"))
    return _ask(request, "company/reactivate.html", person, form)


@require_POST
@signed_in
def colleague_admin(request: PersonRequest, person_id: UUID) -> HttpResponse:
    """Make somebody an admin of the company, or no longer, as the form's `admin` says."""
    _colleague(request, person_id)
    is_admin = request.POST.get("admin") == "yes"
    person = set_partner_admin(person_id=person_id, is_admin=is_admin, actor=actor_of(request))
    words = (
        f"{person.name} looks after your people now, too."
        if is_admin
        else f"{person.name} is no admin any more."
    )
    messages.success(request, words)
    own = person.pk == request.user.pk
    return see_other(reverse("web:company" if own else "web:company-people"))


def _added(request: PersonRequest, form: ColleagueForm) -> Person | None:
    """Return who was added; None when it was refused, and the form says why."""
    told = form.cleaned_data
    try:
        return add_partner_person(
            name=told["name"],
            email=told["email"],
            provider_id=UUID(told["provider"]),
            subject=told["subject"],
            subject_format=_format(told),
            actor=actor_of(request),
        )
    except InvalidError as refusal:
        put_refusal(form, refusal)
    except (ConflictError, PeopleQuotaError) as refusal:
        form.add_error(None, str(refusal))
    return None


def _format(told: dict[str, str]) -> str:
    """Return the format that was chosen, where the provider has any."""
    is_saml = IdentityProvider.objects.filter(pk=told["provider"], kind=IdentityProvider.Kind.SAML).exists()
    return told.get("subject_format", "") if is_saml else ""


def _show(
    request: PersonRequest, partner: Partner, providers: Collection[IdentityProvider], form: ColleagueForm
) -> HttpResponse:
    page = people_page(partner, providers, now=database_now(), zone=zone_of(request.user))
    status = 400 if form.errors else 200
    return render(request, "company/people.html", {"page": page, "form": form}, status=status)


def _colleague(request: PersonRequest, person_id: UUID) -> Person:
    person = Person.objects.filter(pk=person_id, partner=company_to_manage(request)).first()
    if person is None:
        raise NotFoundError("There is no such person in your company.")
    return person


def _ask(
    request: PersonRequest, template: str, person: Person, form: forms.Form, **facts: object
) -> HttpResponse:
    return render(
        request, template, {"person": person, "form": form, **facts}, status=400 if form.errors else 200
    )
