"""Who answers for a partner whose sponsor is gone: what is asked, shown to whoever may answer, and the answer."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from portal.access.operations.partners.answer_for_partner import NOT_THERE, name_sponsor, take_over
from portal.access.operations.partners.sponsor_questions import CHANGE, open_question, questions_to
from portal.directory.models import Person, SponsorQuestion
from portal.directory.requests import actor_of
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError, NotFoundError
from portal.web.forms import put_refusal
from portal.web.guard import PersonRequest, signed_in, zone_of
from portal.web.presenters import moment
from portal.web.presenters.sponsors import SponsorQuestionView
from portal.web.redirects import see_other


class NameSponsorForm(forms.Form):
    sponsor = forms.CharField(
        label="Somebody else",
        max_length=254,
        help_text="The whole name or e-mail address of somebody of the own company. They answer for it from then on "
        "and are not asked first: talk to them.",
        error_messages={"required": "Say who is to answer for it."},
    )

    def clean_sponsor(self) -> Person:
        words = " ".join(str(self.cleaned_data["sponsor"]).split())
        named = Q(name__iexact=words) | Q(email__iexact=words)
        found = list(Person.objects.filter(named, partner=None, is_active=True)[:2])
        if not found:
            raise forms.ValidationError("Nobody of the own company who is active is called so.")
        if len(found) > 1:
            raise forms.ValidationError("Several people are called so: write the e-mail address.")
        return found[0]


def questions_for(person: Person, *, now: datetime, zone: tzinfo) -> Sequence[SponsorQuestionView]:
    """Return what waits for this person's answer, the most urgent first: for My access."""
    if person.partner_id is not None:
        return ()
    return tuple(_view(question, person, now=now, zone=zone) for question in questions_to(person))


def question_of(
    partner_id: UUID, reader: Person, *, now: datetime, zone: tzinfo
) -> SponsorQuestionView | None:
    """Return what is asked about a partner, for its page; None where somebody answers for it."""
    question = open_question(partner_id)
    return _view(question, reader, now=now, zone=zone) if question else None


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def answer_for(request: PersonRequest, partner_id: UUID) -> HttpResponse:
    """Ask who is to answer for it: oneself, by one click, or somebody else by name."""
    view = _asked_of(request, partner_id)
    form = NameSponsorForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            sponsor = form.cleaned_data["sponsor"]
            name_sponsor(partner_id=partner_id, sponsor_id=sponsor.pk, actor=actor_of(request))
        except InvalidError as refusal:
            put_refusal(form, refusal)
        else:
            messages.success(request, f"{sponsor.name} answers for {view.partner} now.")
            return see_other(reverse("web:my-access"))
    context = {"question": view, "form": form}
    return render(request, "company/answer.html", context, status=400 if form.errors else 200)


@require_POST
@signed_in
def take_over_partner(request: PersonRequest, partner_id: UUID) -> HttpResponse:
    partner = take_over(partner_id=partner_id, actor=actor_of(request))
    messages.success(request, f"You answer for {partner.name} now.")
    return see_other(reverse("web:my-access"))


def _asked_of(request: PersonRequest, partner_id: UUID) -> SponsorQuestionView:
    """Return the question for whoever may answer it. Raises NotFoundError for everybody else."""
    view = question_of(partner_id, request.user, now=database_now(), zone=zone_of(request.user))
    if view is None or not view.may_answer:
        raise NotFoundError(NOT_THERE)
    return view


def _view(question: SponsorQuestion, reader: Person, *, now: datetime, zone: tzinfo) -> SponsorQuestionView:
    partner = question.partner
    is_asked = question.asked_id == reader.pk
    may_answer = reader.partner_id is None and (is_asked or reader.may(CHANGE))
    return SponsorQuestionView(
        partner_id=str(partner.pk),
        partner=partner.name,
        gone=partner.sponsor.name if partner.sponsor else "",
        asked=question.asked.name if question.asked else "",
        is_asked=is_asked,
        by=moment(question.answer_by, now=now, zone=zone),
        then="the admins are asked" if question.asked_id else f"{partner.name} is suspended",
        may_answer=may_answer,
    )
