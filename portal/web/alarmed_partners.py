"""From an alarm to the page of the partner, or of the drift, that it is about."""

from uuid import UUID

from django.urls import reverse

from portal.access.lifecycle import AlarmKind
from portal.access.models import Alarm, ExternalId, PartnerRole
from portal.directory.models import Partner


def partner_page_of(alarm: Alarm) -> tuple[str, str]:
    """Return where it is looked at, and the words for it; empty for an alarm of something else, or of what is gone."""
    match AlarmKind(alarm.kind):
        case AlarmKind.ROLE_WIDENED:
            return reverse("web:drift"), "Look at the difference"
        case AlarmKind.SPONSOR_GONE:
            partners = Partner.objects.filter(pk__in=_ids(alarm.subject))
            return _page_of(partners.values_list("slug", flat=True).first())
        case AlarmKind.ROLE_LATE:
            roles = PartnerRole.objects.filter(pk__in=_ids(alarm.subject))
            return _page_of(roles.values_list("grant__partner_account__partner__slug", flat=True).first())
        case AlarmKind.EXTERNAL_ID_NOT_PROVEN:
            return _account_of(alarm.subject.partition(" ")[0]), "Look at the proof"
        case _:
            return "", ""


def _page_of(slug: str | None) -> tuple[str, str]:
    return (reverse("web:partner", args=[slug]), "Look at the partner") if slug else ("", "")


def _account_of(external_id: str) -> str:
    if not external_id.isdecimal():
        return ""
    found = ExternalId.objects.filter(pk=int(external_id)).select_related("partner_account__partner").first()
    if found is None:
        return ""
    account = found.partner_account
    return reverse("web:partner-account", args=[account.partner.slug, account.pk])


def _ids(subject: str) -> list[UUID]:
    try:
        return [UUID(subject)]
    except ValueError:
        return []
