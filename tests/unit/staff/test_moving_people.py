"""Whom a person belongs to decides whose identity provider may let them in."""

from collections.abc import Callable
from typing import Any

import pytest
from django.forms import modelform_factory

from portal.directory.models import ExternalIdentity, IdentityProvider

pytestmark = pytest.mark.django_db


def refusals(person: Any, partner: Any) -> list[str]:
    from portal.staff.people import PersonForm  # noqa: PLC0415  # after the settings are chosen

    fields = ["name", "time_zone", "partner"]
    made = modelform_factory(type(person), form=PersonForm, fields=fields)
    sent = {"name": person.name, "time_zone": "UTC", "partner": partner.pk if partner else ""}
    return sorted(made(sent, instance=person).errors)


def test_nobody_moves_away_from_the_partner_whose_provider_lets_them_in(
    person: Callable[..., Any], partner: Any
) -> None:
    ours = IdentityProvider.objects.create(slug="ours", name="Ours")
    theirs = IdentityProvider.objects.create(slug="acme", name="Acme", partner=partner)
    employee, guest, unknown = person("Ada"), person("Ben", partner=partner), person("Cleo")
    ExternalIdentity.objects.create(provider=ours, person=employee, subject="ada")
    ExternalIdentity.objects.create(provider=theirs, person=guest, subject="ben")
    assert refusals(guest, None) == ["partner"]
    assert refusals(unknown, partner) == refusals(employee, partner) == refusals(guest, partner) == []
