"""A partner's admins look after their own people: who may, whom, within which bounds, and that each act is told."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from portal.access.models import Grant
from portal.access.operations.grants.deactivate_person import deactivate_person
from portal.audit.models import AuditEvent
from portal.directory.models import ExternalIdentity, IdentityProvider, LdapSettings, Partner, Person
from portal.directory.people_quota import PeopleQuotaError
from portal.identity.operations.admit_person import admit_as
from portal.identity.operations.gone import person_gone
from portal.identity.operations.partner_people import (
    add_partner_person,
    deactivate_partner_person,
    reactivate_partner_person,
    set_partner_admin,
)
from portal.identity.operations.subjects import UNSPECIFIED
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from tests.partners import admitted, make_partner, make_partner_admin, partner_provider
from tests.world import as_actor, make_admin, make_grant, make_person

pytestmark = pytest.mark.django_db
SHELL = Actor.command("tests")
GUID = "9d2f1c1e-0b6a-4f0e-8d1c-2f6b3a7e5c40"


@pytest.fixture
def acme(db: None) -> Partner:
    return make_partner()


@pytest.fixture
def kim(acme: Partner) -> Person:
    return make_partner_admin(acme)


@pytest.fixture
def pat(acme: Partner) -> Person:
    return make_person("Pat Moss", partner=acme)


@pytest.fixture
def provider(acme: Partner) -> IdentityProvider:
    return partner_provider(acme)


def add(by: Person, provider: IdentityProvider, subject: str = "lee", **told: Any) -> Person:
    known = {"name": "Lee Park", "email": "lee@acme.example", **told}
    return add_partner_person(provider_id=provider.pk, subject=subject, actor=as_actor(by), **known)


def events(kind: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(type=f"directory.{kind}").order_by("id"))


def test_whoever_is_added_is_of_the_company_and_nobodys_admin(
    acme: Partner, kim: Person, provider: IdentityProvider
) -> None:
    lee = add(kim, provider, name="  Lee \n Park ")
    assert (lee.name, lee.partner, lee.is_active) == ("Lee Park", acme, True)
    assert (lee.is_staff, lee.is_superuser, lee.is_partner_admin) == (False, False, False)
    identity = lee.identities.get()
    assert (identity.provider, identity.subject, identity.subject_format) == (provider, "lee", "")
    assert identity.confirmed_at is None, "nobody vouched for them yet"
    [event] = events("person.admitted")
    assert (event.actor_id, event.person_id, event.partner_id) == (kim.pk, lee.pk, acme.pk)
    with pytest.raises(ConflictError, match="lee at Acme sign-in already"):
        add(kim, provider)


def test_within_the_quota(acme: Partner, kim: Person, provider: IdentityProvider) -> None:
    acme.people_quota = 2
    acme.save()
    add(kim, provider)
    with pytest.raises(PeopleQuotaError):
        add(kim, provider, "max")
    assert not ExternalIdentity.objects.filter(subject="max").exists()


def test_only_at_the_companys_own_providers(acme: Partner, kim: Person, provider: IdentityProvider) -> None:
    others = partner_provider(make_partner("Globex"))
    ours = IdentityProvider.objects.create(slug="corp", name="Corp")
    off = partner_provider(acme, slug="off", is_enabled=False)
    for elsewhere in (others, ours, off):
        with pytest.raises(InvalidError) as refused:
            add(kim, elsewhere)
        assert refused.value.field == "provider"
    assert add(kim, provider)


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "Lee\u202ePark"}, "name"),
        ({"email": "lee"}, "email"),
        ({"subject": "l ee"}, "subject"),
        ({"subject": "l\u0435e"}, "subject"),
        ({"subject": ""}, "subject"),
        ({"subject": "x" * 256}, "subject"),
        ({"subject_format": "urn:x"}, "subject_format"),
    ],
)
def test_what_was_typed_is_checked(
    kim: Person, provider: IdentityProvider, told: dict[str, str], field: str
) -> None:
    with pytest.raises(InvalidError) as refused:
        add(kim, provider, **told)
    assert refused.value.field == field
    assert add(kim, provider)


def test_a_kind_has_its_own_identifiers(acme: Partner, kim: Person) -> None:
    saml = partner_provider(acme, kind="saml")
    assert add(kim, saml).identities.get().subject_format == UNSPECIFIED
    assert add(kim, saml, "max", subject_format="urn:x").identities.get().subject_format == "urn:x"
    ldap = partner_provider(acme, kind="ldap")
    LdapSettings.objects.create(provider=ldap, urls=["ldaps://dc1"], people_base="dc=x")
    with pytest.raises(InvalidError, match="Write the entry's entryUUID"):
        add(kim, ldap)
    identity = add(kim, ldap, GUID.upper()).identities.get()
    assert (identity.subject, identity.subject_format) == (GUID, "ldap")


def test_one_account_is_one_person_in_whatever_format(acme: Partner, kim: Person) -> None:
    saml = partner_provider(acme, kind="saml")
    add(kim, saml, subject_format="urn:x")
    with pytest.raises(ConflictError):
        add(kim, saml, subject_format="urn:y")


Act = Callable[[Person, Person], object]
ACTS: dict[str, Act] = {
    "deactivate": lambda by, whom: deactivate_partner_person(
        person_id=whom.pk, reason="r", actor=as_actor(by)
    ),
    "reactivate": lambda by, whom: reactivate_partner_person(
        person_id=whom.pk, reason="r", actor=as_actor(by)
    ),
    "make admin": lambda by, whom: set_partner_admin(person_id=whom.pk, is_admin=True, actor=as_actor(by)),
}


@pytest.fixture(params=sorted(ACTS))
def act(request: pytest.FixtureRequest, kim: Person, pat: Person) -> Act:
    if request.param == "reactivate":
        deactivate_partner_person(person_id=pat.pk, reason="r", actor=as_actor(kim))
    return ACTS[request.param]


def test_an_admin_of_the_company_may_and_nobody_else(
    act: Act, acme: Partner, kim: Person, pat: Person
) -> None:
    globex = make_partner("Globex")
    was = make_partner_admin(acme, "Was")
    deactivate_partner_person(person_id=was.pk, reason="r", actor=as_actor(kim))
    strangers = (
        make_partner_admin(globex, "Gil"),
        make_person("Colleague", partner=acme),
        make_admin("change_person", "change_partner"),
        was,
    )
    before = list(Person.objects.order_by("pk").values())
    for stranger in strangers:
        with pytest.raises(NotFoundError):
            act(stranger, pat)
    assert list(Person.objects.order_by("pk").values()) == before
    act(kim, pat)
    assert list(Person.objects.order_by("pk").values()) != before


def test_nobody_of_another_company_is_there(act: Act, kim: Person, pat: Person) -> None:
    others = (make_person("Gus", partner=make_partner("Globex")), make_person("Ours"))
    for other in others:
        with pytest.raises(NotFoundError, match="no such person in your company"):
            act(kim, other)
    act(kim, pat)


def test_a_token_of_theirs_may_not(kim: Person, pat: Person) -> None:
    token = Actor(ActorKind.TOKEN, kim.name, kim.pk)
    with pytest.raises(NotFoundError):
        deactivate_partner_person(person_id=pat.pk, reason="r", actor=token)
    with pytest.raises(NotFoundError):
        deactivate_partner_person(person_id=pat.pk, reason="r", actor=SHELL)
    with pytest.raises(NotFoundError):
        deactivate_partner_person(person_id=uuid4(), reason="r", actor=as_actor(kim))


def test_what_they_held_ends_and_comes_back_by_nobody(acme: Partner, kim: Person, pat: Person) -> None:
    grant, neighbour = make_grant(pat), make_grant(kim)
    done = deactivate_partner_person(person_id=pat.pk, reason=" left us ", actor=as_actor(kim))
    assert done.grants == 1
    assert set(Grant.objects.filter(ended_at=None)) == {neighbour}
    pat.refresh_from_db()
    assert (pat.is_active, pat.deactivated_by_company) == (False, True)
    [event] = events("person.changed")
    assert (event.actor_id, event.person_id, event.partner_id) == (kim.pk, pat.pk, acme.pk)
    assert (event.details["reason"], event.details["is_active"]) == ("left us", False)
    back = reactivate_partner_person(person_id=pat.pk, reason="back", actor=as_actor(kim))
    assert (back.is_active, back.deactivated_by_company) == (True, False)
    grant.refresh_from_db()
    assert grant.state == "suspended"


def test_whom_the_other_side_or_a_provider_deactivated_they_dont_bring_back(
    acme: Partner, kim: Person, pat: Person, provider: IdentityProvider
) -> None:
    deactivate_person(person_id=pat.pk, reason="misuse", actor=SHELL)
    with pytest.raises(ForbiddenError, match="not deactivated by your company"):
        reactivate_partner_person(person_id=pat.pk, reason="r", actor=as_actor(kim))
    lee = admitted(provider, "lee")
    person_gone(identity_id=lee.identities.get().pk, why="disabled", actor=SHELL)
    with pytest.raises(ForbiddenError, match="Acme sign-in says that Lee has left"):
        reactivate_partner_person(person_id=lee.pk, reason="r", actor=as_actor(kim))
    ann = make_person("Ann", partner=acme)
    with pytest.raises(ConflictError, match="active already"):
        reactivate_partner_person(person_id=ann.pk, reason="r", actor=as_actor(kim))


def test_the_last_admin_stays(acme: Partner, kim: Person, pat: Person) -> None:
    for act in (
        lambda: deactivate_partner_person(person_id=kim.pk, reason="r", actor=as_actor(kim)),
        lambda: set_partner_admin(person_id=kim.pk, is_admin=False, actor=as_actor(kim)),
    ):
        with pytest.raises(ForbiddenError, match="Kim Reyes is the last admin"):
            act()
    set_partner_admin(person_id=pat.pk, is_admin=True, actor=as_actor(kim))
    [event] = events("partner.admin_changed")
    assert (event.person_id, event.partner_id, event.details["is_admin"]) == (pat.pk, acme.pk, True)
    with pytest.raises(ConflictError, match="an admin already"):
        set_partner_admin(person_id=pat.pk, is_admin=True, actor=as_actor(kim))
    set_partner_admin(person_id=kim.pk, is_admin=False, actor=as_actor(kim))
    with pytest.raises(NotFoundError):
        set_partner_admin(person_id=kim.pk, is_admin=True, actor=as_actor(kim))


def test_an_admin_may_go_where_another_stays_and_comes_back_as_none(
    acme: Partner, kim: Person, pat: Person
) -> None:
    set_partner_admin(person_id=pat.pk, is_admin=True, actor=as_actor(kim))
    deactivate_partner_person(person_id=kim.pk, reason="r", actor=as_actor(kim))
    back = reactivate_partner_person(person_id=kim.pk, reason="r", actor=as_actor(pat))
    assert (back.is_active, back.is_partner_admin) == (True, False)
    gone = make_person("Gone", partner=acme, is_active=False, deactivated_at=kim.created_at)
    with pytest.raises(ConflictError, match="Gone is deactivated"):
        set_partner_admin(person_id=gone.pk, is_admin=True, actor=as_actor(pat))


def test_while_it_is_suspended_nobody_is_added(
    acme: Partner, kim: Person, pat: Person, provider: IdentityProvider
) -> None:
    deactivate_partner_person(person_id=pat.pk, reason="r", actor=as_actor(kim))
    Partner.objects.update(suspended_at=kim.created_at)
    with pytest.raises(ConflictError, match="Acme is suspended"):
        add(kim, provider)
    with pytest.raises(ConflictError, match="Acme is suspended"):
        reactivate_partner_person(person_id=pat.pk, reason="r", actor=as_actor(kim))
    Partner.objects.update(suspended_at=None)
    assert add(kim, provider)


@pytest.mark.parametrize("reason", [" ", "x" * 301])
def test_a_reason_is_needed(kim: Person, pat: Person, reason: str) -> None:
    with pytest.raises(InvalidError) as refused:
        deactivate_partner_person(person_id=pat.pk, reason=reason, actor=as_actor(kim))
    assert refused.value.field == "reason"
    deactivate_partner_person(person_id=pat.pk, reason="x" * 300, actor=as_actor(kim))


def test_the_last_admin_is_the_last_active_one_of_the_own_company(acme: Partner, kim: Person) -> None:
    make_partner_admin(make_partner("Globex"), "Gus")
    former = make_partner_admin(acme, "Former")
    assert deactivate_partner_person(person_id=former.pk, reason="left", actor=as_actor(kim))
    former.refresh_from_db()
    assert former.is_partner_admin, "they would be one again, were they back"
    with pytest.raises(ForbiddenError, match="last admin"):
        set_partner_admin(person_id=kim.pk, is_admin=False, actor=as_actor(kim))
    with pytest.raises(ForbiddenError, match="last admin"):
        deactivate_partner_person(person_id=kim.pk, reason="left", actor=as_actor(kim))
    make_partner_admin(acme, "Second")
    assert not set_partner_admin(person_id=kim.pk, is_admin=False, actor=as_actor(kim)).is_partner_admin


def test_whoever_signs_in_for_the_first_time_meanwhile_is_no_second_person(
    kim: Person, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(identity: ExternalIdentity, **told: Any) -> ExternalIdentity:
        admitted(provider, identity.subject)
        return admit_as(identity, **told)

    monkeypatch.setattr("portal.identity.operations.partner_people.admit_as", overtaken)
    with pytest.raises(ConflictError, match="since a moment ago"):
        add(kim, provider)
    monkeypatch.undo()
    assert add(kim, provider).identities.get().subject == "lee"
