"""What admins look at of outside companies. Read-only; each answer takes a fixed number of queries.

Long lists are cut, and counts stop at `MOST`: 'over so many' says enough, and a million rows cost what a thousand do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import (
    Count,
    Exists,
    F,
    IntegerField,
    Max,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
)

from portal.access.lifecycle import PartnerRoleState
from portal.access.models import ExternalId, ExternalIdProof, Grant, PartnerRole, Revocation
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsAccount, ScopeTemplate
from portal.directory.models import IdentityProvider, Partner, PartnerAccount, Person

MOST = 1000
# How long a role that is gone is still shown beside those that stand.
RECENT = timedelta(days=7)
_WITH_GRANT = (
    *("role__account", "person__partner", "partner_account__partner"),
    *("granted_by", "ended_by", "partner_role"),
)


class CappedCount(Subquery):
    """How many rows there are of the outer row's, up to where its queryset is cut."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) capped)"
    output_field = IntegerField()


@dataclass(frozen=True, slots=True)
class ListedPartner:
    """A partner in the list of all, and its living grants, to its people and to its accounts, up to `MOST` and one."""

    partner: Partner
    people_grants: int
    account_grants: int


def living(at: datetime) -> Q:
    """Filter grants that have not ended; by the end, too: the indexes are by it, and lead past history."""
    return Q(ended_at=None, ends_at__gt=at)


def listed_partners(search: str, *, at: datetime, limit: int) -> tuple[Sequence[ListedPartner], int]:
    """Return the first partners by name that the words fit, and how many do, up to `MOST` and one."""
    found = _searched(search)
    rows = found.select_related("sponsor").annotate(
        people_grants=CappedCount(_capped(Grant.objects.filter(living(at), person__partner=OuterRef("pk")))),
        account_grants=CappedCount(
            _capped(Grant.objects.filter(living(at), partner_account__partner=OuterRef("pk")))
        ),
    )
    listed = [_listed(row) for row in rows.order_by("name")[:limit]]
    return listed, found.order_by()[: MOST + 1].count()


def grants_of_partner(partner_id: UUID) -> QuerySet[Grant]:
    """All grants of a company's, its people's and its accounts'."""
    return Grant.objects.filter(Q(person__partner=partner_id) | Q(partner_account__partner=partner_id))


def living_grants_of_partner(partner_id: UUID, *, at: datetime, limit: int) -> tuple[Sequence[Grant], int]:
    """Return those that end first, and how many there are, up to `MOST` and one."""
    rows = grants_of_partner(partner_id).filter(living(at))
    number = rows.order_by()[: MOST + 1].count()
    return list(rows.select_related(*_WITH_GRANT).order_by("ends_at", "pk")[:limit]), number


def ended_with_roles(partner_id: UUID, *, at: datetime, limit: int) -> Sequence[Grant]:
    """Return the ended grants to its accounts whose role is not gone yet, or went within a week; the newest first."""
    shown = ~Q(partner_role__state=PartnerRoleState.GONE.value) | Q(partner_role__gone_at__gt=at - RECENT)
    rows = Grant.objects.filter(shown, partner_account__partner=partner_id, ended_at__isnull=False)
    return list(rows.select_related(*_WITH_GRANT).order_by("-ended_at", "pk")[:limit])


@dataclass(frozen=True, slots=True)
class ClosedRoles:
    """The roles that were to go since a moment. `first`: some of them, those that are still there before the others.

    `cutting`: how many grants of the company's people have live sessions that AWS has not been brought to refuse.
    """

    total: int
    gone: int
    last_gone_at: datetime | None
    first: Sequence[PartnerRole]
    cutting: int


def closed_roles(partner_id: UUID, *, since: datetime, limit: int) -> ClosedRoles:
    roles = PartnerRole.objects.filter(grant__partner_account__partner=partner_id, closing_at__gte=since)
    counted = roles.order_by().aggregate(total=Count("pk"), gone=Count("gone_at"), last=Max("gone_at"))
    shown = roles.select_related("role__account", "grant__partner_account__partner")
    shown = shown.order_by(F("gone_at").desc(nulls_first=True), "closing_at", "pk")[:limit]
    cutting = Revocation.objects.filter(
        grant__person__partner=partner_id, asked_at__gte=since, applied_at=None, cleaned_at=None
    )
    return ClosedRoles(
        total=counted["total"],
        gone=counted["gone"],
        last_gone_at=counted["last"],
        first=list(shown),
        cutting=cutting.order_by()[: MOST + 1].count(),
    )


def last_suspension(partner: Partner) -> datetime | None:
    """Return when the company was suspended, now or last; None: never."""
    if partner.suspended_at is not None:
        return partner.suspended_at
    events = AuditEvent.objects.filter(partner_id=partner.pk, type=EventType.PARTNER_SUSPENDED.value)
    return events.order_by("-id").values_list("at", flat=True).first()


def accounts_of_partner(partner_id: UUID, *, limit: int) -> Sequence[PartnerAccount]:
    """Return its AWS accounts, open ones first, each with its ExternalIds and their proofs, the newest first."""
    rows = _with_proofs(PartnerAccount.objects.filter(partner=partner_id))
    # Open ones have no such time: first on PostgreSQL, too.
    return list(rows.order_by(F("closed_at").desc(nulls_first=True), "name", "pk")[:limit])


def account_with_proofs(account_id: UUID) -> PartnerAccount:
    """Return one of them in the same way."""
    return _with_proofs(PartnerAccount.objects.filter(pk=account_id)).get()


def _with_proofs(accounts: QuerySet[PartnerAccount]) -> QuerySet[PartnerAccount]:
    proofs = ExternalIdProof.objects.select_related("account", "external_id")
    return accounts.select_related("partner").prefetch_related(
        Prefetch("external_ids", ExternalId.objects.order_by("-made_at", "-pk")),
        Prefetch("proofs", proofs.order_by("-asked_at", "-pk")),
    )


def current_external_id(partner_account_id: UUID) -> ExternalId | None:
    return ExternalId.objects.filter(partner_account=partner_account_id, accepted_until=None).first()


def people_of_partner(partner_id: UUID, *, limit: int) -> tuple[Sequence[Person], int]:
    """Return its active people by name, and how many there are, up to `MOST` and one."""
    rows = Person.objects.filter(partner=partner_id, is_active=True).order_by("name", "pk")
    return list(rows[:limit]), rows.order_by()[: MOST + 1].count()


def ways_in_of_partner(partner_id: UUID, *, limit: int) -> Sequence[IdentityProvider]:
    """Return where its people sign in, the providers of its own, each with how many groups it told of (`told`)."""
    providers = IdentityProvider.objects.filter(partner=partner_id).order_by("name")
    return list(providers.annotate(told=Count("groups"))[:limit])


def places_for_partners() -> QuerySet[AwsAccount]:
    """Return the accounts in which roles can be made for partners: those with a provisioner."""
    return AwsAccount.objects.exclude(provisioner_role_arn="").order_by("name")


def templates_for_partners() -> QuerySet[ScopeTemplate]:
    return ScopeTemplate.objects.filter(for_partners=True).order_by("name")


def colleagues(words: str, *, limit: int) -> Sequence[Person]:
    """Return active people of the own company whose name or e-mail begins so, or has a word that does."""
    words = words.strip()
    named = Q(name__istartswith=words) | Q(name__icontains=f" {words}") | Q(email__istartswith=words)
    rows = Person.objects.filter(named, partner=None, is_active=True)
    return list(rows.order_by("name", "pk")[:limit])


def _searched(search: str) -> QuerySet[Partner]:
    words, digits = search.strip(), search.replace("-", "").replace(" ", "")
    if not words:
        return Partner.objects.all()
    named = Q()
    for field in ("name", "slug", "legal_name", "sponsor__name"):
        named |= Q(**{f"{field}__icontains": words})
    if digits.isdecimal():
        accounts = PartnerAccount.objects.filter(partner=OuterRef("pk"), account_id__contains=digits)
        named |= Q(Exists(accounts))
    return Partner.objects.filter(named)


def _capped(rows: QuerySet[Grant]) -> QuerySet[Grant, Any]:
    return rows.order_by().values("pk")[: MOST + 1]


def _listed(row: Partner) -> ListedPartner:
    return ListedPartner(
        partner=row,
        people_grants=row.people_grants,  # type: ignore[attr-defined]  # annotated above
        account_grants=row.account_grants,  # type: ignore[attr-defined]  # as above
    )
