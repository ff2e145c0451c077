"""Second factors of others: a superuser resets them for whoever lost all of theirs, and says why."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import ModelAdmin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse

from portal.directory.models import Person
from portal.directory.requests import actor_of
from portal.identity.operations.factors_removal import reset_factors as operation
from portal.kernel.errors import DomainError
from portal.staff.confirm import MOST, Question, ReasonForm, answered, ask

LEAD = (
    "All passkeys, authenticator apps and recovery codes go, their sign-ins end, and API tokens need a second factor "
    "anew. Make sure that it is really they who ask: whoever signs in as them next can add a factor of their own."
)

HELD = ("passkeys", "authenticator_apps", "sign_ins")


@admin.action(description="Reset second factors", permissions=["reset_factors"])
def reset_factors(
    people_admin: ModelAdmin[Any], request: HttpRequest, people: QuerySet[Person]
) -> HttpResponse | None:
    form = answered(request, ReasonForm)
    counted = people.annotate(**{f"n_{kind}": Count(kind, distinct=True) for kind in HELD})
    chosen = list(counted.values_list("pk", "name", *(f"n_{kind}" for kind in HELD))[:MOST])
    if not form.is_bound or not form.is_valid():
        return ask(people_admin, request, _question(chosen), form)
    for person_id, *_ in chosen:
        try:
            person = operation(
                person_id=person_id, reason=form.cleaned_data["reason"], actor=actor_of(request)
            )
        except DomainError as refusal:
            people_admin.message_user(request, str(refusal), messages.ERROR)
        else:
            words = f"{person.name} has no second factor now, and is signed out everywhere."
            people_admin.message_user(request, words, messages.SUCCESS)
    return None


def _question(chosen: Sequence[tuple[Any, ...]]) -> Question:
    names = f"{len(chosen)} people" if len(chosen) > 1 else chosen[0][1] if chosen else "nobody"
    return Question(
        title=f"Reset the second factors of {names}",
        lead=LEAD,
        button="Reset",
        action="reset_factors",
        headers=("Person", "Passkeys", "Authenticator apps", "Signed in now"),
        rows=[(name, *(str(count) for count in counts)) for _, name, *counts in chosen],
        ids=[str(person_id) for person_id, *_ in chosen],
    )
