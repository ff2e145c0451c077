"""The last place of a partner, and several who come for it at once by each way in: one gets it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from brokers.types import ProvenIdentity
from portal.access.operations.grants.deactivate_person import deactivate_person, reactivate_person
from portal.directory.models import IdentityProvider, Person
from portal.directory.people_quota import PeopleQuotaError, active_people
from portal.identity.operations.complete_sign_in import complete_sign_in
from portal.identity.operations.partner_people import add_partner_person, set_partner_admin
from portal.identity.operations.provision_user import provision_user
from portal.identity.operations.provisioning import ToldUser
from portal.identity.operations.refusing import SignInRefusedError
from portal.kernel.actor import Actor, ActorKind
from tests.at_once import at_once
from tests.partners import make_partner, make_partner_admin, partner_provider
from tests.servers.process import require_services
from tests.world import as_actor, make_person

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("races"),
]
SHELL = Actor.command("tests")
NOBODY = Actor(ActorKind.NOBODY, "nobody")
TRIES = 25 if require_services() else 5
Act = Callable[[], Any]


def entering(provider: IdentityProvider, subject: str) -> Act:
    proven = ProvenIdentity(subject=subject, login=subject, attributes={}, authenticated_at=datetime.now(UTC))
    return lambda: complete_sign_in(provider=provider, proven=proven, next_path="/", actor=NOBODY)


def adding(by: Person, provider: IdentityProvider, subject: str) -> Act:
    return lambda: add_partner_person(
        name="Lee", email="lee@a.example", provider_id=provider.pk, subject=subject, actor=as_actor(by)
    )


def telling(provider: IdentityProvider, subject: str) -> Act:
    return lambda: provision_user(provider=provider, told=ToldUser(subject), actor=SHELL)


def returning(person: Person) -> Act:
    return lambda: reactivate_person(person_id=person.pk, reason="race", actor=SHELL)


def test_of_all_ways_in_one_gets_the_last_place() -> None:
    for number in range(TRIES):
        partner = make_partner(f"Acme {number}", people_quota=3)
        kim, away = make_partner_admin(partner), make_person("Away", partner=partner)
        make_person("Third", partner=partner)
        deactivate_person(person_id=away.pk, reason="r", actor=SHELL)
        provider = partner_provider(partner)
        outcomes = at_once(
            entering(provider, "ann"),
            adding(kim, provider, "ben"),
            telling(provider, "carl"),
            returning(away),
        )
        refusals = [one for one in outcomes if isinstance(one, PeopleQuotaError | SignInRefusedError)]
        assert len(refusals) == 3, outcomes
        assert all(one.reason == "directory.people_quota" for one in refusals if hasattr(one, "reason"))
        assert active_people(partner.pk) == 3


def test_one_person_at_two_browsers_takes_one_place() -> None:
    for number in range(TRIES):
        partner = make_partner(f"Acme {number}", people_quota=1)
        provider = partner_provider(partner)
        first, second = at_once(entering(provider, "ann"), entering(provider, "ann"))
        assert first.person == second.person, (first, second)  # type: ignore[attr-defined]  # what signing in gives


def test_of_two_admins_who_step_down_at_once_one_stays() -> None:
    for number in range(TRIES):
        partner = make_partner(f"Acme {number}")
        two = (make_partner_admin(partner, "Kim"), make_partner_admin(partner, "Lee"))

        def stepping(who: Person, whom: Person) -> Act:
            return lambda: set_partner_admin(person_id=whom.pk, is_admin=False, actor=as_actor(who))

        themselves = number % 2 == 0
        at_once(*(stepping(one, one if themselves else other) for one, other in (two, two[::-1])))
        left = Person.objects.filter(partner=partner, is_partner_admin=True)
        assert left.count() == 1
