"""Answer for a partner whose sponsor is gone: oneself, or by naming somebody who does from now on."""

from uuid import UUID

from django.db import transaction

from portal.access.operations.partners.sponsor_questions import (
    CHANGE,
    Answer,
    can_answer,
    close,
    open_question,
)
from portal.access.operations.permissions import person_of
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import Partner, Person, SponsorQuestion
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, InvalidError, NotFoundError

NOT_THERE = "Nobody is asked to answer for such a partner."


def take_over(*, partner_id: UUID, actor: Actor) -> Partner:
    """Become a partner's sponsor, for the deputy who was asked and for admins who may change partners.

    Raises:
        NotFoundError: the actor is neither, or there is no such partner.
        ConflictError: somebody answers for it already.
        InvalidError: the actor is of a partner themselves.
    """
    return name_sponsor(partner_id=partner_id, sponsor_id=actor.owner_id, actor=actor)


def name_sponsor(*, partner_id: UUID, sponsor_id: UUID, actor: Actor) -> Partner:
    """Have somebody of the own company answer for a partner whose sponsor is gone.

    A deputy who becomes the sponsor is the deputy no longer.

    Raises:
        NotFoundError: the actor is neither the deputy who was asked nor an admin who may change partners.
        ConflictError: somebody answers for it already.
        InvalidError: not somebody active of the own company.
    """
    with transaction.atomic():
        # People before their partner: whoever is deactivated meanwhile is no sponsor.
        sponsor = Person.objects.select_for_update(no_key=True, of=("self",)).filter(pk=sponsor_id).first()
        partner = Partner.objects.select_for_update(no_key=True, of=("self",)).filter(pk=partner_id).first()
        question = open_question(partner_id)
        if partner is None or not _may(actor, question):
            raise NotFoundError(NOT_THERE)
        # Also where a question is open still: the watch closes it within a minute.
        if can_answer(partner.sponsor):
            raise ConflictError(f"{partner.sponsor} answers for {partner.name} already.")
        if sponsor is None or not can_answer(sponsor):
            raise InvalidError("Choose somebody of the own company who is active.", field="sponsor")
        _keep(partner, sponsor, question, actor)
    return partner


def _may(actor: Actor, question: SponsorQuestion | None) -> bool:
    person = person_of(actor)
    if person is None or person.partner_id is not None:
        return False
    return person.may(CHANGE) or (question is not None and question.asked_id == person.pk)


def _keep(partner: Partner, sponsor: Person, question: SponsorQuestion | None, actor: Actor) -> None:
    now = database_now()
    partner.sponsor = sponsor
    if partner.deputy_id == sponsor.pk:
        partner.deputy = None
    partner.save(update_fields=["sponsor", "deputy"])
    if question is not None:
        close(question, Answer.TAKEN, actor=actor, at=now, sponsor=sponsor.name)
        return
    record(
        Entry(
            type=EventType.SPONSOR_ANSWERED,
            at=now,
            actor=actor,
            partner_id=partner.pk,
            details={"name": partner.name, "answer": Answer.TAKEN.value, "sponsor": sponsor.name},
        )
    )
