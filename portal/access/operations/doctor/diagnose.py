"""The doctor: 'the partner says it doesn't work', or 'why was I refused?'. Looks, tells, and changes nothing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from brokers.ports import AwsPorts
from brokers.types import DeniedCall
from portal.access.doctor import DoctorStep, Told, sentence, stopped_by, unknown_role, walk
from portal.access.doctor.pasted import MOST, Pasted, read_pasted
from portal.access.models import Grant, PartnerRole
from portal.access.operations.doctor.explain_refusal import refusal_steps
from portal.access.operations.doctor.find_doctored import Asker, asker_of, find_grant, find_role
from portal.access.operations.grants.granting_rules import check_zoned
from portal.access.operations.partners.partner_facts import read_facts
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.kernel import attempts
from portal.kernel.actor import Actor
from portal.kernel.attempts import Limit
from portal.kernel.clock import database_now
from portal.kernel.errors import ForbiddenError, InvalidError
from portal.kernel.logs import mask

SHOWN_ERROR = 300
# Each question costs reads of IAM, which share the account's throttle with revocations.
QUESTIONS = Limit("doctor.questions", 60, timedelta(minutes=10))
LONGEST_FIELD = 2048
LONGEST_DURATION = 129_600
ACCOUNT_DIGITS = 12
_ID = re.compile(r"(?i)\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


@dataclass(frozen=True, slots=True)
class DoctorOrder:
    """What somebody tells of a call that failed; all of it may be empty but the role or the grant.

    `error_text`: what they saw, with the command that they ran if they have it. `sends_external_id` False: they send
    none; `external_id` empty: it is not told. `at` None: now.
    """

    role_arn: str = ""
    grant_id: UUID | None = None
    partner_account_number: str = ""
    principal_arn: str = ""
    external_id: str = ""
    at: datetime | None = None
    error_text: str = ""
    action: str = ""
    resource: str = ""
    sends_external_id: bool = True
    duration_seconds: int | None = None
    sends_tags: bool = False
    sends_source_identity: bool = False


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`stopped_by`: the name of the step; empty: nothing here stops it. `grant` None: no such role."""

    steps: Sequence[DoctorStep]
    stopped_by: str
    grant: Grant | None
    at: datetime

    @property
    def sentence(self) -> str:
        return sentence(self.steps)


def diagnose(*, order: DoctorOrder, aws: AwsPorts, actor: Actor) -> Diagnosis:
    """Find out what stopped a call. AWS is asked how the role stands; where it is silent the rest is told all the same.

    Raises:
        ForbiddenError: the actor is neither an admin nor a partner's.
        NotFoundError: no such grant, or not the actor's to know. (A role that isn't theirs is one that nobody knows.)
        InvalidError: names the field and what is allowed.
        TooManyError: more than 60 questions in ten minutes.
    """
    order = _checked(order)
    asker, at = asker_of(actor), order.at or database_now()
    grant = find_grant(order.grant_id, asker) if order.grant_id else None
    if grant is not None and grant.person_id is not None:
        return _told(refusal_steps(grant, at=order.at, hub_is_chained=aws.hub_is_chained), grant, at)
    if not asker.may_ask_of_partners:
        raise ForbiddenError("Only admins and partners' own admins ask about a partner's role.")
    if not actor.is_trusted:
        attempts.spend(QUESTIONS, str(actor.owner_id))
    pasted, call = read_pasted(order.error_text), aws.partners.analyst.read_error(order.error_text)
    role_arn = order.role_arn or pasted.role_arn
    row = _row(grant) or find_role(role_arn, call, asker)
    if row is None:
        diagnosis = _told(unknown_role(role_arn), None, at)
    else:
        told = _what_is_told(order, pasted, _of_its_own_role(call, order, row), at)
        diagnosis = _told(walk(read_facts(row, told, asker, aws)), row.grant, at)
    _record(order, call, diagnosis, asker, actor)
    return diagnosis


def _row(grant: Grant | None) -> PartnerRole | None:
    row: PartnerRole | None = getattr(grant, "partner_role", None)
    return row


def _told(steps: Sequence[DoctorStep], grant: Grant | None, at: datetime) -> Diagnosis:
    return Diagnosis(steps, stopped_by(steps), grant, at)


def _of_its_own_role(call: DeniedCall, order: DoctorOrder, row: PartnerRole) -> DeniedCall:
    """IAM names a role by its name alone, and some clients not at all: it is the role's own where the rest names it."""
    rest = order.error_text.replace(call.caller_arn, "") if call.caller_arn else ""
    if call.resource or not call.action.startswith("iam:") or row.role.name not in rest:
        return call
    return replace(call, resource=row.role.arn)


def _what_is_told(order: DoctorOrder, pasted: Pasted, call: DeniedCall, at: datetime) -> Told:
    """What was typed counts before what was pasted."""
    seconds = order.duration_seconds
    sent = order.external_id or ("" if not order.sends_external_id else pasted.external_id)
    return Told(
        at=at,
        role_arn=order.role_arn or pasted.role_arn,
        account=order.partner_account_number,
        principal_arn=order.principal_arn,
        external_id=sent,
        duration=timedelta(seconds=seconds) if seconds is not None else pasted.duration,
        sends_tags=order.sends_tags or pasted.sends_tags,
        sends_source_identity=order.sends_source_identity or pasted.sends_source_identity,
        action=order.action or call.action,
        resource=order.resource or call.resource,
        call=call,
        error_text=order.error_text,
    )


def _checked(order: DoctorOrder) -> DoctorOrder:
    number = order.partner_account_number.replace("-", "").replace(" ", "")
    if number and not (number.isascii() and number.isdigit() and len(number) == ACCOUNT_DIGITS):
        raise InvalidError("An AWS account number has 12 digits.", field="partner_account_number")
    if order.at is not None:
        check_zoned(order.at, field="at")
    seconds = order.duration_seconds
    if seconds is not None and not 0 <= seconds <= LONGEST_DURATION:
        raise InvalidError(f"Seconds are 0 to {LONGEST_DURATION:,}.", field="duration_seconds")
    for name in ("role_arn", "principal_arn", "external_id", "action", "resource"):
        if len(getattr(order, name)) > LONGEST_FIELD:
            raise InvalidError(f"At most {LONGEST_FIELD:,} characters.", field=name)
    if len(order.error_text) > MOST:
        raise InvalidError(f"At most {MOST:,} characters: the error itself is enough.", field="error_text")
    if order.grant_id is None and not (order.role_arn.strip() or order.error_text.strip()):
        raise InvalidError("Give the role's ARN, or paste the error: it names the role.", field="role_arn")
    return replace(
        order,
        partner_account_number=number,
        principal_arn=order.principal_arn.strip(),
        error_text=order.error_text.strip(),
        action=order.action.strip(),
        resource=order.resource.strip(),
    )


def _record(order: DoctorOrder, call: DeniedCall, diagnosis: Diagnosis, asker: Asker, actor: Actor) -> None:
    """Write down who asked what and what was found: no ExternalId, and nothing that an error may hold of secrets."""
    grant = diagnosis.grant
    partner = grant.partner if grant is not None else None
    with transaction.atomic():
        record(
            Entry(
                type=EventType.DOCTOR_ASKED,
                at=database_now(),
                actor=actor,
                grant_id=grant.pk if grant else None,
                role_id=grant.role_id if grant else None,
                partner_id=partner.pk if partner else asker.partner_id,
                details={
                    "role_arn": _told_safely(order.role_arn),
                    "account": order.partner_account_number,
                    "principal": _told_safely(order.principal_arn),
                    "at": diagnosis.at.isoformat(),
                    "action": _told_safely(order.action or call.action)[:128],
                    "error": _told_safely(order.error_text),
                    "stopped_by": diagnosis.stopped_by,
                    "verdicts": {step.name: step.verdict.value for step in diagnosis.steps},
                },
            )
        )


def _told_safely(text: str) -> str:
    """Return what somebody typed or pasted, into whichever field, without what may be an ExternalId or a secret."""
    return _ID.sub("[id]", mask(text))[:SHOWN_ERROR]
