"""A partner whose sponsor is gone: what was asked, of whom, and what came of it. Used under the lock on the partner."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from portal.access.lifecycle import AlarmKind
from portal.access.operations.cutting.alarms import clear_alarm, raise_alarm
from portal.audit.events import EventType, Outcome
from portal.audit.operations import Entry, record
from portal.directory.models import Partner, Person, SponsorQuestion
from portal.kernel import outbox
from portal.kernel.actor import Actor

Answer = SponsorQuestion.Answer
CHANGE = "directory.change_partner"
# Whoever is of a partner, or deactivated, answers for nobody.
ANSWERS = Q(sponsor__is_active=True, sponsor__partner=None)


def can_answer(person: Person | None) -> bool:
    """Whether somebody can be a partner's sponsor or deputy now."""
    return person is not None and person.is_active and person.partner_id is None


def open_question(partner_id: UUID) -> SponsorQuestion | None:
    found = SponsorQuestion.objects.filter(partner=partner_id, answered_at=None)
    return found.select_related("asked", "partner").first()


def questions_to(person: Person) -> Sequence[SponsorQuestion]:
    """Return what waits for an answer of somebody: as the deputy who was asked, or as an admin who may answer."""
    theirs = Q(asked=person)
    if person.may(CHANGE):
        theirs |= Q(asked=None)
    waiting = SponsorQuestion.objects.filter(theirs, answered_at=None).select_related("partner", "asked")
    return list(waiting.order_by("answer_by", "pk"))


def ask(partner: Partner, asked: Person | None, *, actor: Actor, at: datetime) -> SponsorQuestion:
    """Ask somebody, or all admins (None), to answer for a partner; with the alarm, and the rows that tell of it."""
    question = SponsorQuestion.objects.create(
        partner=partner,
        asked=asked,
        asked_at=at,
        answer_by=at + timedelta(hours=settings.SPONSOR_ANSWER_HOURS),
    )
    _record(
        EventType.SPONSOR_ASKED,
        question,
        actor,
        at,
        asked=asked.name if asked else "all admins",
        answer_by=question.answer_by.isoformat(),
    )
    raise_alarm(kind=AlarmKind.SPONSOR_GONE, subject=str(partner.pk), text=_alarm(partner), at=at)
    return question


def close(
    question: SponsorQuestion, answer: SponsorQuestion.Answer, *, actor: Actor, at: datetime, **told: str
) -> None:
    """Write down what came of it. Unless it was passed on, the alarm is over."""
    question.answer, question.answered_at, question.answered_by_id = answer.value, at, actor.person_id
    question.save(update_fields=["answer", "answered_at", "answered_by"])
    _record(EventType.SPONSOR_ANSWERED, question, actor, at, answer=answer.value, **told)
    if answer != Answer.PASSED_ON:
        clear_alarm(kind=AlarmKind.SPONSOR_GONE, subject=str(question.partner_id), at=at)


def _alarm(partner: Partner) -> str:
    sponsor = partner.sponsor
    why = f"{sponsor.name}, who did, is gone" if sponsor else "it has no sponsor"
    return f"Nobody answers for {partner.name}: {why}. Unless somebody does in time, it is suspended."


def _record(event: EventType, question: SponsorQuestion, actor: Actor, at: datetime, **details: str) -> None:
    failed = question.answer == Answer.SUSPENDED.value
    record(
        Entry(
            type=event,
            at=at,
            actor=actor,
            outcome=Outcome.FAILED if failed else Outcome.DONE,
            partner_id=question.partner_id,
            person_id=question.asked_id,
            details={"name": question.partner.name, "question": question.pk, **details},
        )
    )
    outbox.post(event.value, at=at, partner=str(question.partner_id), question=str(question.pk))
