"""A partner's sponsor is gone: the deputy is asked to answer for it, then all admins; nobody does: it is suspended.

Run each minute. What is due is found in the database, so that nothing is lost while it did not run; two runs at once
are harmless, as each partner is looked at under its lock.
"""

import logging
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef

from portal.access.operations.partners.sponsor_questions import (
    ANSWERS,
    Answer,
    ask,
    can_answer,
    close,
    open_question,
)
from portal.access.operations.partners.suspend_partner import suspend_partner
from portal.directory.models import Partner, SponsorQuestion
from portal.kernel.actor import Actor
from portal.kernel.errors import DomainError

log = logging.getLogger(__name__)
WATCH = Actor.system("watch over sponsors")
REASON = "its sponsor is gone, and nobody answered for it in time"


def watch_sponsors(*, at: datetime) -> int:
    """Ask, pass on, suspend or close what is due; one partner that fails holds up no other. Returns how many it was."""
    changed = 0
    for partner_id in _to_look_at(at):
        try:
            changed += _look(partner_id, at)
        except DomainError as refusal:
            log.warning("the sponsor of partner %s was not seen to: %s", partner_id, refusal)
    return changed


def _to_look_at(at: datetime) -> list[UUID]:
    """Return the partners with a question open, and those who have a contract and nobody who answers for them."""
    waiting = Partner.objects.filter(
        Exists(SponsorQuestion.objects.filter(partner=OuterRef("pk"), answered_at=None))
    )
    orphans = Partner.objects.exclude(ANSWERS).filter(suspended_at=None, contract_ends_at__gt=at)
    return sorted({*waiting.values_list("pk", flat=True), *orphans.values_list("pk", flat=True)})


def _look(partner_id: UUID, at: datetime) -> bool:
    with transaction.atomic():
        partner = (
            Partner.objects.select_for_update(no_key=True, of=("self",))
            .select_related("sponsor", "deputy")
            .get(pk=partner_id)
        )
        question = open_question(partner_id)
        is_over = partner.suspended_at is not None or partner.contract_ends_at <= at
        if is_over or can_answer(partner.sponsor):
            # Resumed later, it is asked about anew, and whoever is asked has all the time again.
            return question is not None and _close(question, Answer.OVER, at)
        if question is None:
            ask(partner, partner.deputy if can_answer(partner.deputy) else None, actor=WATCH, at=at)
            return True
        return _go_on(partner, question, at)


def _go_on(partner: Partner, question: SponsorQuestion, at: datetime) -> bool:
    """See to a question that nobody has answered so far."""
    is_late = at >= question.answer_by
    if question.asked is not None and (is_late or not can_answer(question.asked)):
        _close(question, Answer.PASSED_ON, at)
        ask(partner, None, actor=WATCH, at=at)
        return True
    if question.asked is None and is_late:
        _close(question, Answer.SUSPENDED, at)
        suspend_partner(partner_id=partner.pk, reason=REASON, actor=WATCH)
        return True
    return False


def _close(question: SponsorQuestion, answer: SponsorQuestion.Answer, at: datetime) -> bool:
    close(question, answer, actor=WATCH, at=at)
    return True
