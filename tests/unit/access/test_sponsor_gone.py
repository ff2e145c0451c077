"""A partner's sponsor is gone: the deputy is asked, then the admins; where nobody answers in time it is suspended."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings

from portal.access.models import Alarm, Grant
from portal.access.operations.grants.deactivate_person import deactivate_person, reactivate_person
from portal.access.operations.partners import watch_sponsors as watching
from portal.access.operations.partners.answer_for_partner import name_sponsor, take_over
from portal.access.operations.partners.sponsor_questions import questions_to
from portal.access.operations.partners.suspend_partner import resume_partner, suspend_partner
from portal.access.operations.partners.watch_sponsors import watch_sponsors
from portal.audit.models import AuditEvent
from portal.directory.models import Partner, Person, SponsorQuestion
from portal.jobs.sponsors import watch
from portal.kernel.actor import Actor
from portal.kernel.errors import ConflictError, InvalidError, NotFoundError
from portal.kernel.models import OutboxMessage
from tests.partners import make_partner
from tests.world import as_actor, make_admin, make_grant, make_person

pytestmark = pytest.mark.django_db
SHELL = Actor.command("tests")
HOUR = timedelta(hours=1)
TERM = 72 * HOUR


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def sponsor(db: None) -> Person:
    return make_person("Sam Sponsor")


@pytest.fixture
def deputy(db: None) -> Person:
    return make_person("Dee Deputy")


@pytest.fixture
def acme(sponsor: Person, deputy: Person) -> Partner:
    return make_partner(sponsor=sponsor, deputy=deputy)


@pytest.fixture
def neighbour(db: None) -> Partner:
    """A company that somebody answers for, whatever becomes of Acme."""
    return make_partner("Globex", sponsor=make_person("Nell"))


def leave(person: Person) -> None:
    deactivate_person(person_id=person.pk, reason="left", actor=SHELL)


def asked() -> list[tuple[str, str]]:
    """Each question: whom, and what came of it."""
    rows = SponsorQuestion.objects.select_related("asked").order_by("pk")
    return [(row.asked.name if row.asked else "admins", row.answer) for row in rows]


def alarms() -> list[str]:
    return list(Alarm.objects.filter(kind="sponsor_gone", cleared_at=None).values_list("subject", flat=True))


def suspended() -> set[str]:
    return set(Partner.objects.exclude(suspended_at=None).values_list("name", flat=True))


def test_while_somebody_answers_nothing_is_asked(acme: Partner, neighbour: Partner, now: datetime) -> None:
    assert watch_sponsors(at=now + 1000 * HOUR) == 0
    assert (asked(), alarms()) == ([], [])


def test_the_deputy_then_the_admins_then_suspended(
    acme: Partner, neighbour: Partner, sponsor: Person, now: datetime
) -> None:
    grant, other = (make_grant(make_person("P", partner=one)) for one in (acme, neighbour))
    leave(sponsor)
    assert watch_sponsors(at=now) == 1
    assert watch_sponsors(at=now) == 0, "once"
    assert (asked(), alarms()) == ([("Dee Deputy", "")], [str(acme.pk)])
    assert SponsorQuestion.objects.get().answer_by == now + TERM
    assert watch_sponsors(at=now + TERM - HOUR) == 0
    assert watch_sponsors(at=now + TERM) == 1
    assert asked() == [("Dee Deputy", "passed_on"), ("admins", "")]
    assert (alarms(), suspended()) == ([str(acme.pk)], set())
    assert Alarm.objects.count() == 1, "it is the same alarm while nobody answers"
    assert watch_sponsors(at=now + 2 * TERM - HOUR) == 0
    assert watch_sponsors(at=now + 2 * TERM) == 1
    assert asked() == [("Dee Deputy", "passed_on"), ("admins", "suspended")]
    assert (alarms(), suspended()) == ([], {"Acme"})
    assert set(Grant.objects.filter(ended_at=None)) == {other}
    grant.refresh_from_db()
    assert grant.end_reason == f"Acme was suspended: {watching.REASON}"
    event = AuditEvent.objects.get(type="directory.partner.suspended")
    assert (event.actor_kind, event.partner_id) == ("system", acme.pk)
    assert watch_sponsors(at=now + 3 * TERM) == 0


def test_each_step_is_told(acme: Partner, sponsor: Person, deputy: Person, now: datetime) -> None:
    leave(sponsor)
    watch_sponsors(at=now)
    watch_sponsors(at=now + TERM)
    told = AuditEvent.objects.filter(type__startswith="directory.sponsor.").order_by("id")
    assert [
        (each.type.rpartition(".")[2], each.details.get("asked"), each.details.get("answer")) for each in told
    ] == [
        ("asked", "Dee Deputy", None),
        ("answered", None, "passed_on"),
        ("asked", "all admins", None),
    ]
    assert {each.partner_id for each in told} == {acme.pk}
    topics = OutboxMessage.objects.filter(topic__startswith="directory.sponsor.").values_list(
        "topic", flat=True
    )
    assert sorted(topics) == ["directory.sponsor.answered", *["directory.sponsor.asked"] * 2]


@pytest.mark.parametrize("gone", ["none", "deactivated", "of a partner"])
def test_without_a_deputy_the_admins_are_asked_at_once(
    acme: Partner, sponsor: Person, deputy: Person, now: datetime, gone: str
) -> None:
    if gone == "none":
        Partner.objects.update(deputy=None)
    elif gone == "deactivated":
        leave(deputy)
    else:
        Person.objects.filter(pk=deputy.pk).update(partner=acme)
    leave(sponsor)
    watch_sponsors(at=now)
    assert asked() == [("admins", "")]


def test_a_deputy_who_leaves_while_asked(
    acme: Partner, sponsor: Person, deputy: Person, now: datetime
) -> None:
    leave(sponsor)
    watch_sponsors(at=now)
    leave(deputy)
    watch_sponsors(at=now + HOUR)
    assert asked() == [("Dee Deputy", "passed_on"), ("admins", "")]
    assert SponsorQuestion.objects.get(answered_at=None).answer_by == now + HOUR + TERM


@pytest.mark.parametrize("why", ["none", "of a partner"])
def test_a_sponsor_who_cant_answer_is_none(acme: Partner, sponsor: Person, now: datetime, why: str) -> None:
    if why == "none":
        Partner.objects.update(sponsor=None)
    else:
        Person.objects.filter(pk=sponsor.pk).update(partner=acme)
    watch_sponsors(at=now)
    assert asked() == [("Dee Deputy", "")]


def test_the_sponsor_is_back(acme: Partner, sponsor: Person, now: datetime) -> None:
    leave(sponsor)
    watch_sponsors(at=now)
    reactivate_person(person_id=sponsor.pk, reason="back", actor=SHELL)
    assert watch_sponsors(at=now + HOUR) == 1
    assert (asked(), alarms()) == ([("Dee Deputy", "over")], [])
    leave(sponsor)
    watch_sponsors(at=now + 2 * HOUR)
    assert asked() == [("Dee Deputy", "over"), ("Dee Deputy", "")]


@pytest.mark.parametrize("over", ["suspended", "contract"])
def test_of_what_is_over_nothing_is_asked(acme: Partner, sponsor: Person, now: datetime, over: str) -> None:
    leave(sponsor)
    watch_sponsors(at=now)
    if over == "suspended":
        suspend_partner(partner_id=acme.pk, reason="r", actor=SHELL)
    else:
        Partner.objects.update(contract_ends_at=now + HOUR)
    assert watch_sponsors(at=now + HOUR) == 1
    assert watch_sponsors(at=now + TERM) == 0
    assert (asked(), alarms()) == ([("Dee Deputy", "over")], [])
    if over == "suspended":
        resume_partner(partner_id=acme.pk, reason="r", actor=SHELL)
        watch_sponsors(at=now + TERM)
        assert asked()[-1] == ("Dee Deputy", ""), "asked anew, with all the time again"
        assert SponsorQuestion.objects.get(answered_at=None).answer_by == now + 2 * TERM


def test_the_time_to_answer_is_a_setting(
    acme: Partner, sponsor: Person, now: datetime, settings: LazySettings
) -> None:
    settings.SPONSOR_ANSWER_HOURS = 2
    leave(sponsor)
    watch_sponsors(at=now)
    assert SponsorQuestion.objects.get().answer_by == now + 2 * HOUR


def test_one_that_fails_holds_up_no_other(
    acme: Partner, neighbour: Partner, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = min(acme.pk, neighbour.pk)
    Partner.objects.update(sponsor=None, deputy=None)
    watch_sponsors(at=now)

    def suspend(*, partner_id: Any, **rest: Any) -> object:
        if partner_id == first:
            raise ConflictError("not now")
        return suspend_partner(partner_id=partner_id, **rest)

    monkeypatch.setattr(watching, "suspend_partner", suspend)
    assert watch_sponsors(at=now + TERM) == 1
    assert Partner.objects.get(pk=first).suspended_at is None
    assert SponsorQuestion.objects.get(partner=first).answered_at is None, "nothing half done"
    monkeypatch.undo()
    assert watch_sponsors(at=now + TERM) == 1
    assert suspended() == {"Acme", "Globex"}


def test_the_job(acme: Partner, sponsor: Person) -> None:
    leave(sponsor)
    assert watch() == 1
    assert asked() == [("Dee Deputy", "")]


class TestAnswering:
    @pytest.fixture(autouse=True)
    def _sponsor_is_gone(self, acme: Partner, sponsor: Person, now: datetime) -> None:
        assert acme.sponsor == sponsor
        leave(sponsor)
        watch_sponsors(at=now)

    def test_the_deputy_takes_over(self, acme: Partner, deputy: Person) -> None:
        take_over(partner_id=acme.pk, actor=as_actor(deputy))
        acme.refresh_from_db()
        assert (acme.sponsor, acme.deputy) == (deputy, None)
        question = SponsorQuestion.objects.get()
        assert (question.answer, question.answered_by) == ("taken", deputy)
        assert alarms() == []
        event = AuditEvent.objects.get(type="directory.sponsor.answered")
        assert (event.actor_id, event.partner_id) == (deputy.pk, acme.pk)
        assert (event.details["answer"], event.details["sponsor"]) == ("taken", "Dee Deputy")

    def test_who_is_asked_sees_it_and_nobody_else(
        self, acme: Partner, deputy: Person, sponsor: Person, now: datetime
    ) -> None:
        admin, reader = make_admin("change_partner"), make_admin("view_partner", name="R")
        others = (reader, sponsor, make_person("Any"), make_person("Pat", partner=acme))
        assert [one.partner for one in questions_to(deputy)] == [acme]
        assert [questions_to(one) for one in (admin, *others)] == [[]] * 5
        watch_sponsors(at=now + TERM)
        assert [one.partner for one in questions_to(admin)] == [acme]
        assert [questions_to(one) for one in (deputy, *others)] == [[]] * 5

    def test_an_admin_may_before_being_asked(self, acme: Partner, deputy: Person) -> None:
        admin = make_admin("change_partner")
        take_over(partner_id=acme.pk, actor=as_actor(admin))
        acme.refresh_from_db()
        assert (acme.sponsor, acme.deputy) == (admin, deputy)

    def test_nobody_else_may(self, acme: Partner, deputy: Person, sponsor: Person, now: datetime) -> None:
        strangers = (
            make_person("Any"),
            make_admin("view_partner"),
            make_person("Pat", partner=acme, is_partner_admin=True),
            sponsor,
        )
        for stranger in strangers:
            with pytest.raises(NotFoundError):
                take_over(partner_id=acme.pk, actor=as_actor(stranger))
        watch_sponsors(at=now + TERM)
        with pytest.raises(NotFoundError):
            take_over(partner_id=acme.pk, actor=as_actor(deputy))  # it was passed on
        take_over(partner_id=acme.pk, actor=as_actor(make_admin("change_partner", name="Adi")))

    @pytest.mark.parametrize("act", ["take", "name"])
    def test_a_deputy_of_another_partner_may_not(self, acme: Partner, deputy: Person, act: str) -> None:
        other = make_partner("Globex", sponsor=make_person("Nell"))
        whom = {"take": deputy, "name": make_person("N")}[act]
        with pytest.raises(NotFoundError):
            name_sponsor(partner_id=other.pk, sponsor_id=whom.pk, actor=as_actor(deputy))
        name_sponsor(partner_id=acme.pk, sponsor_id=whom.pk, actor=as_actor(deputy))

    def test_a_deputy_who_went_over_to_a_partner_names_nobody(self, acme: Partner, deputy: Person) -> None:
        whom = make_person("Nia")
        Person.objects.filter(pk=deputy.pk).update(partner=acme)
        with pytest.raises(NotFoundError):
            name_sponsor(partner_id=acme.pk, sponsor_id=whom.pk, actor=as_actor(deputy))
        Person.objects.filter(pk=deputy.pk).update(partner=None)
        name_sponsor(partner_id=acme.pk, sponsor_id=whom.pk, actor=as_actor(deputy))

    def test_somebody_else_is_named(self, acme: Partner, deputy: Person, sponsor: Person) -> None:
        named = make_person("Nia")
        wrong: tuple[Callable[[], Person], ...] = (lambda: make_person("Pat", partner=acme), lambda: sponsor)
        for whom in wrong:
            with pytest.raises(InvalidError) as refused:
                name_sponsor(partner_id=acme.pk, sponsor_id=whom().pk, actor=as_actor(deputy))
            assert refused.value.field == "sponsor"
        name_sponsor(partner_id=acme.pk, sponsor_id=named.pk, actor=as_actor(deputy))
        acme.refresh_from_db()
        assert (acme.sponsor, acme.deputy) == (named, deputy)

    def test_not_once_somebody_answers_again(self, acme: Partner, sponsor: Person, deputy: Person) -> None:
        """An admin named another sponsor, or the old one is back: the watch closes the question within a minute."""
        admin, other = make_admin("change_partner"), make_person("Other")
        Partner.objects.filter(pk=acme.pk).update(sponsor=other)
        for actor in (deputy, admin):
            with pytest.raises(ConflictError, match="Other answers for Acme"):
                take_over(partner_id=acme.pk, actor=as_actor(actor))
        acme.refresh_from_db()
        assert acme.sponsor == other
        Partner.objects.filter(pk=acme.pk).update(sponsor=sponsor)
        take_over(partner_id=acme.pk, actor=as_actor(deputy))

    def test_once(self, acme: Partner, deputy: Person) -> None:
        admin = make_admin("change_partner")
        take_over(partner_id=acme.pk, actor=as_actor(deputy))
        with pytest.raises(ConflictError, match="Dee Deputy answers for Acme already"):
            take_over(partner_id=acme.pk, actor=as_actor(admin))
        with pytest.raises(NotFoundError):
            take_over(partner_id=acme.pk, actor=as_actor(deputy))
