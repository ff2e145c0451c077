"""From a partner's rows to its page: what does this company have, by whom, until when?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.urls import reverse

from portal.access import partner_queries as queries
from portal.access.models import Grant
from portal.audit.models import AuditEvent
from portal.directory.models import Partner, Person
from portal.web.grant_page import Reader, audit_row
from portal.web.guard import may_grant, may_revoke, sees_all_grants
from portal.web.now_lines import fingerprint
from portal.web.partner_account_part import account_view
from portal.web.partner_doors import may_change
from portal.web.partner_lines import Clock, counted, grant_lines, listing, partner_badge, span_of
from portal.web.presenters import AuditRow, Moment, countdown
from portal.web.presenters.partners import (
    ContactRow,
    PartnerGrantLine,
    PartnerLine,
    PartnerPage,
    PersonRow,
    ProviderRow,
    Rights,
    RolesPart,
)
from portal.web.presenters.timeline import timeline
from portal.web.provider_doors import sees_providers

SHOWN_GRANTS = 50
SHOWN_ENDED = 15
SHOWN_ACCOUNTS = 30
SHOWN_PEOPLE = 30
SHOWN_EVENTS = 15


@dataclass(frozen=True, slots=True)
class Held:
    """What the company has: living grants, how many there are, and ended ones whose roles are on their way out."""

    living: Sequence[Grant]
    number: int
    ended: Sequence[Grant]


def held_by(partner: Partner, clock: Clock) -> Held:
    living, number = queries.living_grants_of_partner(partner.pk, at=clock.now, limit=SHOWN_GRANTS)
    return Held(living, number, queries.ended_with_roles(partner.pk, at=clock.now, limit=SHOWN_ENDED))


def partner_line(listed: queries.ListedPartner, clock: Clock) -> PartnerLine:
    partner = listed.partner
    return PartnerLine(
        slug=partner.slug,
        name=partner.name,
        sponsor=partner.sponsor.name if partner.sponsor else "nobody",
        contract=countdown(
            partner.contract_starts_at, partner.contract_ends_at, now=clock.now, zone=clock.zone
        ),
        grants=counted(listed.people_grants),
        accounts=counted(listed.account_grants),
        badge=partner_badge(partner, clock.now),
    )


def rights_of(person: Person, partner: Partner, clock: Clock) -> Rights:
    may_be_granted = partner.suspended_at is None and clock.now < partner.contract_ends_at
    return Rights(
        may_change=may_change(person),
        may_grant=may_grant(person) and may_be_granted,
        may_edit=person.may("directory.change_partner"),
        may_open=sees_all_grants(person),
    )


def partner_page(partner: Partner, reader: Person, clock: Clock) -> PartnerPage:
    held = held_by(partner, clock)
    people, people_number = queries.people_of_partner(partner.pk, limit=SHOWN_PEOPLE)
    accounts = queries.accounts_of_partner(partner.pk, limit=SHOWN_ACCOUNTS)
    return PartnerPage(
        slug=partner.slug,
        name=partner.name,
        legal_name=partner.legal_name,
        badge=partner_badge(partner, clock.now),
        contract=countdown(
            partner.contract_starts_at, partner.contract_ends_at, now=clock.now, zone=clock.zone
        ),
        contract_starts=clock.moment(partner.contract_starts_at),
        contract_ends=clock.moment(partner.contract_ends_at),
        sponsor=_named(partner.sponsor),
        deputy=_named(partner.deputy),
        data_class=partner.get_data_class_display(),
        notes=partner.notes,
        contacts=tuple(_contacts(partner)),
        documents=tuple((each.title, each.url) for each in partner.documents.all()),
        accounts=tuple(account_view(account, clock) for account in accounts),
        roles=roles_part(partner, reader, clock, held),
        timeline=timeline(
            [span_of(grant, clock) for grant in (*held.living, *held.ended)],
            contract=(partner.contract_starts_at, partner.contract_ends_at),
            now=clock.now,
            zone=clock.zone,
        ),
        people=tuple(PersonRow(each.name, each.email, each.is_partner_admin) for each in people),
        people_listing=listing(people_number, len(people)),
        quota=partner.people_quota,
        providers=tuple(_providers(partner, reader)),
        trail=_trail(partner, reader, clock),
        edit=reverse("admin:directory_partner_change", args=[partner.pk]),
        rights=rights_of(reader, partner, clock),
        problem=_problem(partner, clock),
        suspended=_maybe(partner, clock),
    )


def roles_part(partner: Partner, reader: Person, clock: Clock, held: Held | None = None) -> RolesPart:
    """Return the grants alone, for the page that asks anew while AWS is behind."""
    held = held or held_by(partner, clock)
    grants, ended = grant_lines(held.living, clock), grant_lines(held.ended, clock)
    rights = rights_of(reader, partner, clock)
    return RolesPart(
        slug=partner.slug,
        grants=grants,
        listing=listing(held.number, len(held.living)),
        ended=ended,
        is_settled=all(line.role_state is None or line.role_state.is_settled for line in (*grants, *ended)),
        says=_says(grants, ended),
        fingerprint=fingerprint([_told(line) for line in (*grants, *ended)]),
        may_open=rights.may_open,
        may_grant=rights.may_grant,
    )


def _told(line: PartnerGrantLine) -> tuple[object, ...]:
    """Leave out the words that only time changes."""
    return line.id, line.badge, line.end.iso, line.role_state and line.role_state.fingerprint


def _says(grants: Sequence[PartnerGrantLine], ended: Sequence[PartnerGrantLine]) -> str:
    states = [line.role_state.badge.word for line in (*grants, *ended) if line.role_state]
    told = [f"{states.count(word)} {word[:1].lower()}{word[1:]}" for word in dict.fromkeys(states)]
    return f"Roles in AWS: {', '.join(told)}" if told else "No roles in AWS"


def _named(person: Person | None) -> str:
    if person is None:
        return ""
    return person.name if person.is_active else f"{person.name} (no longer here)"


def _providers(partner: Partner, reader: Person) -> Iterator[ProviderRow]:
    may_open = sees_providers(reader)
    for each in queries.ways_in_of_partner(partner.pk, limit=SHOWN_ACCOUNTS):
        address = reverse("web:provider", args=[each.slug]) if may_open else ""
        yield ProviderRow(each.name, each.told, each.is_enabled, address)  # type: ignore[attr-defined]  # annotated


def _contacts(partner: Partner) -> Sequence[ContactRow]:
    first = [ContactRow("Contact", "", partner.contact, "")] if partner.contact else []
    return first + [
        ContactRow(each.name, each.what_for, each.email, each.phone) for each in partner.contacts.all()
    ]


def _problem(partner: Partner, clock: Clock) -> str:
    if partner.suspended_at is not None:
        return "Suspended: what it had has ended, and it is given nothing until it is resumed."
    if clock.now >= partner.contract_ends_at:
        return "The contract is over, so nothing can be granted. A new end is set in its record."
    if partner.sponsor is None or not partner.sponsor.is_active:
        return "Nobody answers for this company in-house. Set a sponsor in its record."
    return ""


def _maybe(partner: Partner, clock: Clock) -> Moment | None:
    return clock.moment(partner.suspended_at) if partner.suspended_at else None


def _trail(partner: Partner, person: Person, clock: Clock) -> tuple[AuditRow, ...]:
    reader = Reader(
        person.pk, sees_all_grants(person), may_revoke(person), may_grant(person), clock.zone, clock.now
    )
    events = AuditEvent.objects.filter(partner_id=partner.pk).order_by("-id")[:SHOWN_EVENTS]
    return tuple(audit_row(event, reader) for event in events)
