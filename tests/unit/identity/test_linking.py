"""One person, several identities: by both proofs, never by e-mail; taken off again where that harms nobody."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from brokers.types import ProvenIdentity
from portal.access.models import Grant
from portal.access.operations.grants.take_entitlement import take_entitlement
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsRole
from portal.directory.models import (
    ExternalIdentity,
    Group,
    GroupMembership,
    IdentityProvider,
    Partner,
    Person,
    SignIn,
)
from portal.identity.operations.complete_sign_in import Once, complete_sign_in
from portal.identity.operations.fresh import NotFreshError
from portal.identity.operations.link_identity import link_identity
from portal.identity.operations.refusing import SignInRefusedError
from portal.identity.operations.unlink_identity import unlink_identity
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.errors import (
    ConflictError,
    DomainError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)
from tests.entitled import entitle
from tests.fakes import FakeAws
from tests.integration.web.saml_visits import is_signed_in
from tests.sign_ins import browser_of

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
MINUTE = timedelta(minutes=1)
NOBODY = Actor(ActorKind.NOBODY, "nobody")
SHELL = Actor.command("tests")


def proven(subject: str = "ada-at-corp", **fields: Any) -> ProvenIdentity:
    told = {"displayName": ("Ada Brook",), "email": ("ada@example.com",)}
    return ProvenIdentity(
        **{"subject": subject, "authenticated_at": datetime.now(UTC), "attributes": told, **fields}
    )


@pytest.fixture
def corp(db: None) -> IdentityProvider:
    return IdentityProvider.objects.create(slug="corp", name="Corp", kind="oidc")


@pytest.fixture
def ada(person: Make) -> Person:
    made: Person = person("Ada Brook", email="ada@example.com")
    return made


@pytest.fixture
def at_browser(actor_of: Make) -> Make:
    """Somebody at a browser, signed in a minute ago: at_browser(ada, signed_in=11)."""

    def make(person: Person, *, signed_in: float | None = 1, factor: float | None = None) -> Actor:
        def at(ago: float | None) -> datetime | None:
            return None if ago is None else datetime.now(UTC) - ago * MINUTE

        actor: Actor = actor_of(person)
        return replace(actor, signed_in_at=at(signed_in), factor_at=at(factor))

    return make


@pytest.fixture
def link(corp: IdentityProvider, ada: Person, at_browser: Make) -> Make:
    def act(**changes: Any) -> ExternalIdentity:
        given = {"provider": corp, "proven": proven(), "person": ada, "actor": at_browser(ada)}
        return link_identity(**given | changes)

    return act


def refused(act: Callable[[], object], kind: type[DomainError], match: str | None = None) -> DomainError:
    before = set(ExternalIdentity.objects.values_list("pk", "person"))
    with pytest.raises(kind, match=match) as problem:
        act()
    assert set(ExternalIdentity.objects.values_list("pk", "person")) == before
    assert not AuditEvent.objects.filter(type__startswith="directory.identity.").exists()
    return problem.value


# -- linking


def test_both_proofs_make_one_person_of_two_identities(
    link: Make, ada: Person, corp: IdentityProvider
) -> None:
    made = link(proven=proven(login="abrook", groups=("operators",)))
    assert (made.person, made.provider, made.subject, made.login) == (ada, corp, "ada-at-corp", "abrook")
    assert ada.identities.count() == 2
    again = complete_sign_in(provider=corp, proven=proven(), next_path="/", actor=NOBODY)
    assert again.person == ada
    assert Group.objects.get(provider=corp).members.get() == ada
    event = AuditEvent.objects.get(type="directory.identity.linked")
    assert (event.actor_id, event.person_id) == (ada.pk, ada.pk)
    assert (event.details["provider"], event.details["subject"]) == ("corp", "ada-at-corp")


def test_the_same_email_at_another_provider_is_another_person(ada: Person, corp: IdentityProvider) -> None:
    signed_in = complete_sign_in(provider=corp, proven=proven(), next_path="/", actor=NOBODY)
    assert signed_in.person.email == ada.email == "ada@example.com"
    assert signed_in.person != ada
    assert ada.identities.filter(provider=corp).count() == 0


def test_not_even_with_the_same_subject_at_another_provider(
    link: Make, ada: Person, corp: IdentityProvider
) -> None:
    link()
    other = IdentityProvider.objects.create(slug="other", name="Other", kind="oidc")
    assert complete_sign_in(provider=other, proven=proven(), next_path="/", actor=NOBODY).person != ada
    in_another_format = proven(subject_format="persistent")
    assert (
        complete_sign_in(provider=corp, proven=in_another_format, next_path="/", actor=NOBODY).person != ada
    )


@pytest.mark.parametrize(
    ("signed_in", "factor", "is_fresh"),
    [
        (9.9, None, True),
        (10, None, False),
        (600, 9.9, True),
        (600, 10, False),
        (None, None, False),
        (None, 1, True),
    ],
)
def test_the_running_sign_in_must_be_fresh(  # noqa: PLR0917  # fixtures
    link: Make, ada: Person, at_browser: Make, signed_in: Any, factor: Any, is_fresh: bool
) -> None:
    actor = at_browser(ada, signed_in=signed_in, factor=factor)
    if is_fresh:
        assert link(actor=actor)
    else:
        problem = refused(lambda: link(actor=actor), NotFreshError, "within the last 10 minutes")
        assert problem.code == "sign_in_not_fresh"


def test_somebody_else_at_the_browser_links_nothing(
    link: Make, ada: Person, mallory: Person, at_browser: Make
) -> None:
    fresh = at_browser(ada)
    for actor in (at_browser(mallory), NOBODY, SHELL, replace(fresh, kind=ActorKind.TOKEN)):
        refused(lambda actor=actor: link(actor=actor), ForbiddenError, "same browser")  # type: ignore[misc]
    assert link(actor=fresh)


def test_an_identity_that_is_known_moves_to_nobody(
    link: Make, mallory: Person, at_browser: Make, corp: IdentityProvider
) -> None:
    theirs = ExternalIdentity.objects.create(provider=corp, person=mallory, subject="mallory-at-corp")
    refused(lambda: link(proven=proven("mallory-at-corp")), ConflictError, "somebody else's here")
    ExternalIdentity.objects.update(gone_at=datetime.now(UTC), gone_why="left")
    refused(lambda: link(proven=proven("mallory-at-corp")), ConflictError, "somebody else's here")
    theirs.refresh_from_db()
    assert theirs.person == mallory
    assert link()


def test_the_same_again(link: Make) -> None:
    link()
    AuditEvent.objects.all().delete()
    refused(link, ConflictError, "yours already")


def test_what_proved_it_counts_once(link: Make, corp: IdentityProvider) -> None:
    once = Once("token-1", datetime.now(UTC) + MINUTE)
    link(once=once)
    AuditEvent.objects.all().delete()
    problem = refused(lambda: link(once=once, proven=proven("next")), SignInRefusedError)
    assert getattr(problem, "reason", "") == "oidc.replay"
    with pytest.raises(SignInRefusedError):
        complete_sign_in(provider=corp, proven=proven(), next_path="/", actor=NOBODY, once=once)
    assert link(once=Once("token-2", once.valid_until), proven=proven("next"))


def test_a_partners_provider_vouches_for_its_own_people_alone(
    link: Make, partner: Partner, person: Make, at_browser: Make, ada: Person
) -> None:
    theirs = IdentityProvider.objects.create(slug="acme", name="Acme's", partner=partner)
    other = Partner.objects.create(
        name="Bolt",
        contract_starts_at=partner.contract_starts_at,
        contract_ends_at=partner.contract_ends_at,
    )
    guest, stranger = person("Noa Guest", partner=partner), person("Stan Strange", partner=other)
    for who in (ada, stranger):
        refused(
            lambda who=who: link(provider=theirs, person=who, actor=at_browser(who)),  # type: ignore[misc]
            ForbiddenError,
            "its own company's people only",
        )
    assert link(provider=theirs, person=guest, actor=at_browser(guest))
    assert link(proven=proven("guest"), person=guest, actor=at_browser(guest)), (
        "the own company's, for a guest"
    )


def test_deactivated_or_a_provider_that_is_off(link: Make, ada: Person, corp: IdentityProvider) -> None:
    Person.objects.filter(pk=ada.pk).update(is_active=False, deactivated_at=datetime.now(UTC))
    refused(link, ForbiddenError, "deactivated")
    Person.objects.filter(pk=ada.pk).update(is_active=True, deactivated_at=None)
    IdentityProvider.objects.filter(pk=corp.pk).update(is_enabled=False)
    refused(link, ForbiddenError, "switched off")
    IdentityProvider.objects.filter(pk=corp.pk).update(is_enabled=True)
    assert link()


# -- taking off


@pytest.fixture
def linked(link: Make) -> ExternalIdentity:
    made: ExternalIdentity = link(proven=proven(groups=("operators",)))
    AuditEvent.objects.all().delete()
    return made


def test_what_came_by_it_goes_with_it(  # noqa: PLR0917  # fixtures
    linked: ExternalIdentity, ada: Person, at_browser: Make, role: AwsRole, aws: FakeAws, actor_of: Make
) -> None:
    offer = entitle(Group.objects.get(provider=linked.provider), role)
    taken = take_entitlement(
        entitlement_id=offer.pk, minutes=30, reason="r", aws=aws.ports(), actor=actor_of(ada)
    )
    browsers = {one.provider.slug: browser_of(ada, provider=one.provider) for one in ada.identities.all()}
    unlink_identity(identity_id=linked.pk, actor=at_browser(ada))
    assert [str(one.provider) for one in ada.identities.all()] == ["The tests"]
    assert not GroupMembership.objects.filter(person=ada).exists()
    assert Grant.objects.get(pk=taken.pk).state == "suspended"
    assert SignIn.objects.get().identity.provider.slug == "tests"
    # Not the rows alone: the sessions.
    assert {slug: is_signed_in(browser) for slug, browser in browsers.items()} == {
        "tests": True,
        linked.provider.slug: False,
    }
    event = AuditEvent.objects.get(type="directory.identity.unlinked")
    assert (event.actor_id, event.person_id, event.details["subject"]) == (ada.pk, ada.pk, "ada-at-corp")


def test_it_can_be_linked_again(linked: ExternalIdentity, ada: Person, at_browser: Make, link: Make) -> None:
    unlink_identity(identity_id=linked.pk, actor=at_browser(ada))
    assert link().person == ada


def test_groups_stay_with_another_identity_at_the_same_provider(
    linked: ExternalIdentity, ada: Person, at_browser: Make, link: Make
) -> None:
    second = link(proven=proven("ada-twice"))
    AuditEvent.objects.all().delete()
    unlink_identity(identity_id=linked.pk, actor=at_browser(ada))
    assert GroupMembership.objects.filter(person=ada).count() == 1
    unlink_identity(identity_id=second.pk, actor=at_browser(ada))
    assert not GroupMembership.objects.filter(person=ada).exists()


def test_ones_own_needs_a_fresh_sign_in(linked: ExternalIdentity, ada: Person, at_browser: Make) -> None:
    refused(
        lambda: unlink_identity(identity_id=linked.pk, actor=at_browser(ada, signed_in=10)), NotFreshError
    )
    token = replace(at_browser(ada), kind=ActorKind.TOKEN)
    refused(lambda: unlink_identity(identity_id=linked.pk, actor=token), NotFreshError)
    unlink_identity(identity_id=linked.pk, actor=at_browser(ada))


def test_never_the_last_that_counts(linked: ExternalIdentity, ada: Person, at_browser: Make) -> None:
    def act() -> None:
        unlink_identity(identity_id=linked.pk, actor=at_browser(ada))

    others = ada.identities.exclude(pk=linked.pk)
    others.update(gone_at=datetime.now(UTC), gone_why="left")
    refused(act, ForbiddenError, "the only way left")
    others.update(gone_at=None, gone_why="")
    IdentityProvider.objects.filter(slug="tests").update(is_enabled=False)
    refused(act, ForbiddenError, "the only way left")
    IdentityProvider.objects.filter(slug="tests").update(is_enabled=True)
    act()


def test_nobody_takes_off_what_would_tell_of_their_leaving(
    linked: ExternalIdentity, ada: Person, at_browser: Make, admin: Person
) -> None:
    def act() -> None:
        unlink_identity(identity_id=linked.pk, actor=at_browser(ada))

    ExternalIdentity.objects.filter(pk=linked.pk).update(is_provisioned=True)
    refused(act, ForbiddenError, "tells when people leave")
    ExternalIdentity.objects.filter(pk=linked.pk).update(is_provisioned=False)
    IdentityProvider.objects.filter(pk=linked.provider_id).update(kind="ldap")
    refused(act, ForbiddenError, "tells when people leave")
    IdentityProvider.objects.filter(pk=linked.provider_id).update(kind="oidc")
    ExternalIdentity.objects.filter(pk=linked.pk).update(gone_at=datetime.now(UTC), gone_why="left")
    refused(act, ForbiddenError, "says that you have left")
    unlink_identity(identity_id=linked.pk, reason="left, and wanted gone", actor=at_browser(admin))


def test_somebody_elses_is_a_superusers_with_a_reason(
    linked: ExternalIdentity, person: Make, mallory: Person, admin: Person, at_browser: Make
) -> None:
    clerk = person("Carl Clerk", is_staff=True)
    for who in (mallory, clerk):
        refused(
            lambda who=who: unlink_identity(identity_id=linked.pk, reason="r", actor=at_browser(who)),  # type: ignore[misc]
            NotFoundError,
        )
    refused(lambda: unlink_identity(identity_id=uuid4(), reason="r", actor=SHELL), NotFoundError)
    refused(lambda: unlink_identity(identity_id=linked.pk, reason=" ", actor=at_browser(admin)), InvalidError)
    unlink_identity(identity_id=linked.pk, reason="linked by mistake", actor=at_browser(admin))
    details = AuditEvent.objects.get(type="directory.identity.unlinked").details
    assert details["reason"] == "linked by mistake"
