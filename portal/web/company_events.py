"""The audit trail in the words of a partner: what concerns it, and nothing of how the other side works.

What isn't in WORDS is not shown. Of the other side's people neither names nor addresses are told.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final
from uuid import UUID

from portal.access.models import Grant
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.audit.partner_trail import PartnerTrail
from portal.directory.models import Partner, PartnerAccount, Person
from portal.kernel.actor import ActorKind
from portal.web.event_words import KINDS, event_detail
from portal.web.presenters import AuditRow, moment
from portal.web.presenters.company import CompanyEvent

HOST: Final = "An admin of your host"
PORTAL: Final = "Sallyport"
# So many grants to its accounts, the newest, are looked at: what is older has long ended.
MOST_GRANTS: Final = 5000
WORDS: Final[Mapping[str, str]] = {
    EventType.SIGN_IN_SUCCEEDED.value: "Signed in",
    EventType.SIGNED_OUT.value: "Signed out",
    EventType.SIGN_IN_ENDED_BY_PROVIDER.value: "Signed out by your identity provider",
    EventType.IDENTITY_LINKED.value: "Another way to sign in added",
    EventType.IDENTITY_UNLINKED.value: "A way to sign in taken off",
    EventType.IDENTITY_GONE.value: "Your identity provider says they left",
    EventType.IDENTITY_BACK.value: "Your identity provider says they are back",
    EventType.PERSON_GROUPS_CHANGED.value: "Groups changed",
    EventType.FACTOR_ADDED.value: "Second factor added",
    EventType.FACTOR_REMOVED.value: "Second factor removed",
    EventType.RECOVERY_CODES_MADE.value: "Recovery codes made",
    EventType.PERSON_ADMITTED.value: "Person added",
    EventType.PERSON_CHANGED.value: "Name or e-mail changed",
    EventType.TOKEN_CREATED.value: "API token made",
    EventType.TOKEN_REVOKED.value: "API token revoked",
    EventType.PARTNER_SUSPENDED.value: "Company suspended: what it had has ended",
    EventType.PARTNER_RESUMED.value: "Company resumed",
    EventType.PARTNER_ACCOUNT_ADDED.value: "AWS account added",
    EventType.PARTNER_ACCOUNT_CLOSED.value: "AWS account closed",
    EventType.PARTNER_ADMIN_CHANGED.value: "No longer your company's admin",
    EventType.GRANT_MADE.value: "Access granted",
    EventType.GRANT_ACTIVATED.value: "Access started",
    EventType.GRANT_EXPIRED.value: "Access ended on time",
    EventType.GRANT_REVOKED.value: "Access revoked",
    EventType.GRANT_RELEASED.value: "Access given back",
    EventType.GRANT_SUSPENDED.value: "Access suspended",
    EventType.GRANT_EXTENDED.value: "Access extended",
    EventType.SESSIONS_CUT.value: "Sessions cut off",
    EventType.SESSION_ISSUED.value: "{kind} issued",
    EventType.SESSION_FAILED.value: "{kind} failed",
    EventType.SESSION_DISCARDED.value: "{kind} thrown away: the access had ended",
    EventType.SESSION_REFUSED.value: "{kind} refused",
    EventType.CONSOLE_LINK_MADE.value: "Console link made",
    EventType.CONSOLE_LINK_USED.value: "Console link used",
    EventType.EXTERNAL_ID_MADE.value: "ExternalId made",
    EventType.EXTERNAL_ID_ROTATED.value: "ExternalId made anew",
    EventType.PARTNER_ROLE_MADE.value: "Role made in AWS: you get in",
    EventType.PARTNER_ROLE_CHANGED.value: "Role brought up to date in AWS",
    EventType.PARTNER_ROLE_CLOSED.value: "Role closed in AWS",
    EventType.PARTNER_ROLE_GONE.value: "Role gone from AWS",
}
# Whose reason is meant for whom it concerns, whoever gave it: the forms say so.
TOLD: Final = frozenset(
    {EventType.GRANT_MADE.value, EventType.GRANT_REVOKED.value, EventType.GRANT_EXTENDED.value}
)
OWN_TOLD: Final = frozenset(
    {
        EventType.SESSION_REFUSED.value,
        EventType.SESSION_FAILED.value,
        EventType.GRANT_RELEASED.value,
        EventType.PERSON_CHANGED.value,
    }
)


@dataclass(frozen=True, slots=True)
class Names:
    """What the subjects of a page of events are called: the partner's own people, grants and accounts alone."""

    people: Mapping[UUID, str]
    grants: Mapping[UUID, str]
    accounts: Mapping[str, str]


def trail_of(partner: Partner) -> PartnerTrail:
    people = Person.objects.filter(partner=partner).values_list("pk", flat=True)
    grants = Grant.objects.filter(partner_account__partner=partner).order_by("-made_at")
    return PartnerTrail(
        partner_id=partner.pk,
        person_ids=list(people),
        grant_ids=list(grants.values_list("pk", flat=True)[:MOST_GRANTS]),
        types=list(WORDS),
    )


def names_of(partner: Partner, events: Iterable[AuditEvent]) -> Names:
    """Look up what the events are about: three queries, however many they are."""
    told = list(events)
    ids = {one for event in told for one in (event.person_id, event.actor_id) if one}
    people = Person.objects.filter(pk__in=ids, partner=partner).values_list("pk", "name")
    grants = Grant.objects.filter(pk__in={event.grant_id for event in told if event.grant_id})
    rows = grants.select_related("role", "person", "partner_account").only(
        *("role__title", "scope_summary", "person__partner", "partner_account__partner"),
    )
    accounts = PartnerAccount.objects.filter(partner=partner).values_list("pk", "name")
    return Names(
        dict(people),
        {row.pk: row.scope_summary or row.role.title for row in rows if _is_of(row, partner)},
        {str(pk): name for pk, name in accounts},
    )


def company_event(event: AuditEvent, names: Names, *, now: datetime, zone: tzinfo) -> CompanyEvent:
    # Nobody is signed in yet when somebody signs in.
    is_own = (event.person_id if event.actor_kind == ActorKind.NOBODY else event.actor_id) in names.people
    row = AuditRow(
        moment=moment(event.at, now=now, zone=zone),
        event=_words(event),
        actor=_actor(event, names),
        origin=(event.ip or "") if is_own else "",
        detail=_detail(event, is_own=is_own),
    )
    return CompanyEvent(row, _about(event, names))


def _is_of(grant: Grant, partner: Partner) -> bool:
    subject = grant.person or grant.partner_account
    return subject is not None and subject.partner_id == partner.pk


def _words(event: AuditEvent) -> str:
    if event.type == EventType.PERSON_CHANGED and "is_active" in event.details:
        return "Reactivated" if event.details["is_active"] else "Deactivated"
    if event.type == EventType.PARTNER_ADMIN_CHANGED and event.details.get("is_admin"):
        return "Made your company's admin"
    kind = KINDS.get(str(event.details.get("kind", "")), "Session")
    return WORDS[event.type].replace("{kind}", kind)


def _actor(event: AuditEvent, names: Names) -> str:
    if event.actor_id is not None:
        own = names.people.get(event.actor_id)
        by_token = " (API token)" if event.actor_kind == ActorKind.TOKEN else ""
        return f"{own}{by_token}" if own else HOST
    if event.actor_kind == ActorKind.COMMAND:
        return HOST
    if event.actor_kind == ActorKind.SYSTEM:
        return PORTAL
    return names.people.get(event.person_id, "") if event.person_id else ""


def _about(event: AuditEvent, names: Names) -> str:
    person = names.people.get(event.person_id) if event.person_id else None
    grant = names.grants.get(event.grant_id) if event.grant_id else None
    account = names.accounts.get(str(event.details.get("partner_account", "")))
    return ": ".join(word for word in (person or account, grant) if word)


def _detail(event: AuditEvent, *, is_own: bool) -> str:
    shown = event.type in TOLD or (is_own and event.type in OWN_TOLD)
    return event_detail(event) if shown else ""
