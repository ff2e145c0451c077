"""From a partner's people to the page of its admins: who is here, and what may be done with them."""

from collections.abc import Collection
from datetime import datetime, tzinfo

from portal.directory.models import IdentityProvider, Partner, Person
from portal.directory.people_quota import active_people
from portal.web.company import people_words
from portal.web.presenters import Badge, badge, moment
from portal.web.presenters.company import ColleagueRow, PeoplePage

SHOWN = 500
GONE = Badge("Deactivated", "quiet", "stop")
COMES_BY = "Whoever signs in at {names} for the first time is added by that, as long as there is a place."
NO_PROVIDER = (
    "Your company has no identity provider of its own here: ask whoever answers for it to connect one."
)


def people_page(
    partner: Partner,
    providers: Collection[IdentityProvider],
    *,
    now: datetime,
    zone: tzinfo,
) -> PeoplePage:
    people = list(
        Person.objects.filter(partner=partner)
        .select_related("deactivated_by_provider")
        .prefetch_related("identities__provider")
        .order_by("-is_active", "name", "pk")[: SHOWN + 1]
    )
    admins = sum(person.is_active and person.is_partner_admin for person in people)
    rows = [_row(person, last_admin=admins == 1, now=now, zone=zone) for person in people[:SHOWN]]
    active = tuple(row for row, person in zip(rows, people, strict=False) if person.is_active)
    why_not = _why_not(partner, providers)
    admitting = [each.name for each in providers if each.admits_people]
    return PeoplePage(
        company=partner.name,
        places=people_words(partner),
        active=active,
        others=tuple(row for row in rows if row not in active),
        more=max(0, len(people) - SHOWN),
        can_add=not why_not,
        why_not=why_not,
        comes_by=COMES_BY.format(names=" or ".join(admitting)) if admitting else "",
    )


def _row(person: Person, *, last_admin: bool, now: datetime, zone: tzinfo) -> ColleagueRow:
    is_last = last_admin and person.is_active and person.is_partner_admin
    seen, identities = person.last_login, list(person.identities.all())
    logins = [each.login or each.subject for each in identities]
    return ColleagueRow(
        id=str(person.pk),
        name=person.name,
        email="" if person.email in logins else person.email,
        signs_in=", ".join(
            f"{login} at {each.provider.name}" for login, each in zip(logins, identities, strict=True)
        ),
        badge=badge("active") if person.is_active else GONE,
        is_admin=person.is_partner_admin and person.is_active,
        last_seen=moment(seen, now=now, zone=zone) if seen else None,
        why="" if person.is_active else _why_gone(person),
        can_deactivate=person.is_active and not is_last,
        can_reactivate=not person.is_active and person.deactivated_by_company,
        can_be_admin=person.is_active and not person.is_partner_admin,
        can_be_no_admin=person.is_active and person.is_partner_admin and not is_last,
    )


def _why_gone(person: Person) -> str:
    if person.deactivated_by_company:
        return "By your company."
    if person.deactivated_by_provider is not None:
        return f"{person.deactivated_by_provider.name} says they left."
    return "By your host: ask whoever answers for your company."


def _why_not(partner: Partner, providers: Collection[IdentityProvider]) -> str:
    if partner.suspended_at is not None:
        return f"{partner.name} is suspended: nobody is added until it is resumed."
    if not providers:
        return NO_PROVIDER
    if active_people(partner.pk) >= partner.people_quota:
        return "All places are taken: deactivate somebody who needs none, or ask whoever answers for your company."
    return ""
