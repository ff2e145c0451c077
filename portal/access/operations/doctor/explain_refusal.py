"""Why the portal gave a person nothing under their grant: from the audit trail and what stands. Reads only."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from portal.access.doctor import DoctorStep, Verdict
from portal.access.doctor.refused import OTHER, PersonFacts, Refusal, walk_refusal
from portal.access.models import AwsSession, Grant, Hold
from portal.access.operations.credentials.explain_choice import choice_of
from portal.access.operations.doctor.find_doctored import NO_GRANT, asker_of, find_grant
from portal.access.operations.grants.may_use import whole_second
from portal.access.operations.partners.partner_facts import grant_facts
from portal.audit.models import AuditEvent
from portal.audit.queries import last_refusal_of_grant, refusals_of_person
from portal.catalog.models import AwsRole
from portal.directory.models import Partner
from portal.directory.vouching import why_too_old
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import NotFoundError
from portal.kernel.periods import utc_clock


def explain_refusal(
    *, grant_id: UUID, hub_is_chained: bool, actor: Actor
) -> tuple[Grant, tuple[DoctorStep, ...]]:
    """Return a person's grant and the steps of its last refusal; with none, of what would happen now.

    Raises:
        NotFoundError: no such grant of a person's, or not the actor's to know.
    """
    grant = find_grant(grant_id, asker_of(actor))
    if grant.person_id is None:
        raise NotFoundError(NO_GRANT)
    return grant, refusal_steps(grant, at=None, hub_is_chained=hub_is_chained)


def last_refusals(*, actor: Actor, limit: int = 10) -> list[tuple[Grant, Refusal]]:
    """Return what the actor was refused under grants of their own, the newest first, one for each grant."""
    events: dict[UUID, AuditEvent] = {}
    for event in refusals_of_person(actor.owner_id, limit=100):
        if event.grant_id is not None:
            events.setdefault(event.grant_id, event)
    grants = Grant.objects.select_related("role").filter(pk__in=list(events)[:limit], person=actor.owner_id)
    found = [(grant, _refusal(events[grant.pk])) for grant in grants]
    return sorted(found, key=lambda each: each[1].at, reverse=True)


def refusal_steps(grant: Grant, *, at: datetime | None, hub_is_chained: bool) -> tuple[DoctorStep, ...]:
    """Walk the doors of issuing. `at`: another moment than that of the last refusal.

    `hub_is_chained`: the portal's own hub works on temporary credentials.
    """
    event = last_refusal_of_grant(grant.pk) if at is None else None
    refusal = _refusal(event) if event is not None else None
    moment = at or (refusal.at if refusal is not None else database_now())
    choice = choice_of(grant, hub_is_chained=hub_is_chained, now=database_now())
    return walk_refusal(replace(_facts(grant, refusal, moment), choice=choice))


def reason_of(grant: Grant, refusal: Refusal) -> str:
    """Return the name of the step at which a refusal of a person's grant was stopped, as it will be explained."""
    steps = walk_refusal(_facts(grant, refusal, refusal.at))
    return next((step.name for step in steps if step.verdict == Verdict.STOPPED), OTHER)


def _refusal(event: AuditEvent) -> Refusal:
    told = event.details
    return Refusal(
        at=event.at,
        kind=str(told.get("kind", "")),
        code=str(told.get("code", "")),
        why=str(told.get("why") or told.get("detail") or ""),
        failed_in_aws=event.outcome == "failed",
    )


def _facts(grant: Grant, refusal: Refusal | None, at: datetime) -> PersonFacts:
    person, opens = grant.holder, grant.next_period(at)
    lives = grant.ended_at is None or at < grant.ended_at
    return PersonFacts(
        at=at,
        grant=grant_facts(grant),
        is_open=lives and grant.current_period(at) is not None,
        refusal=refusal,
        hold=_hold(at),
        person_is_active=person.is_active,
        role_is_enabled=grant.role.is_enabled,
        partner_stop=_partner_stop(person.partner, at),
        window=grant.window.describe() if grant.window else "",
        opens_at=opens.starts_at if opens and lives else None,
        kind_refused=_kind_refused(grant.role, refusal),
        sign_in=why_too_old(person.pk, at=database_now()),
        factor_minutes=grant.role.factor_minutes,
    )


def _hold(at: datetime) -> str:
    over = Q(released_at=None) | Q(released_at__gt=at)
    return Hold.objects.filter(over, entered_at__lte=at).values_list("reason", flat=True).first() or ""


def _partner_stop(partner: Partner | None, at: datetime) -> str:
    if partner is None:
        return ""
    if partner.suspended_at is not None and partner.suspended_at <= at:
        return f"{partner.name} is suspended since {utc_clock(partner.suspended_at)}."
    if not partner.contract_starts_at <= at < whole_second(partner.contract_ends_at):
        return f"The contract with {partner.name} is not in force."
    return ""


def _kind_refused(role: AwsRole, refusal: Refusal | None) -> str:
    if refusal is None:
        return ""
    allowed = {
        AwsSession.Kind.CONSOLE: role.allows_console,
        AwsSession.Kind.CREDENTIALS: role.allows_credentials,
    }
    for kind, is_allowed in allowed.items():
        if refusal.kind == kind and not is_allowed:
            return f"{role.title} does not allow the {kind.label.lower()}."
    return ""
