"""Until when the providers' word for somebody counts. Whoever nobody vouches for uses nothing here."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from portal.directory.models import ExternalIdentity, ScimToken
from portal.kernel.errors import ForbiddenError
from portal.kernel.prepared import PreparedModels

# Later than anything: what SCIM provisioned stands until SCIM says otherwise.
FOR_NOW = timedelta(days=3650)
DAY_HOURS = 24


class SignInTooOldError(ForbiddenError):
    """Nobody vouches for them now. The sentence says where to sign in, after which it works at once."""

    code = "sign_in_too_old"


def check_vouched(person_id: UUID, *, at: datetime) -> datetime:
    """Return until when the providers' word for a person counts, cut to the whole second, as IAM's dates are.

    Raises:
        SignInTooOldError: nobody vouches for them at this moment; the end itself is outside.
    """
    until = vouched_until(person_id, at=at)
    until = until and until.replace(microsecond=0)
    if until is None or at >= until:
        raise SignInTooOldError(_what_to_do(person_id))
    return until


def why_too_old(person_id: UUID, *, at: datetime) -> str:
    """Return what a person for whom nobody vouches has to do; empty while somebody does."""
    try:
        check_vouched(person_id, at=at)
    except SignInTooOldError as refusal:
        return str(refusal)
    return ""


def vouched_until(person_id: UUID, *, at: datetime) -> datetime | None:
    """Return until when the person may use what they hold, by the best word of any provider; None: nobody's.

    A provider's last word (a sign-in, a sync, a check at issue) counts for its `max_age`; where SCIM keeps its people,
    its word stands while one of its SCIM tokens is usable. Providers that are switched off vouch for nobody.
    """
    found = _identities.all({"person": person_id, "at": at})
    untils = [_until(identity, at, is_told=more["is_told"]) for identity, more in found]
    return max((until for until in untils if until is not None), default=None)


def _until(identity: ExternalIdentity, at: datetime, *, is_told: bool) -> datetime | None:
    if identity.is_provisioned and is_told:
        return at + FOR_NOW
    return None if identity.confirmed_at is None else identity.confirmed_at + identity.provider.max_age


def counting_identities(person_id: UUID) -> QuerySet[ExternalIdentity]:
    """Return a person's identities whose word counts: not gone, and at providers that are switched on."""
    found = ExternalIdentity.objects.filter(person=person_id, gone_at=None, provider__is_enabled=True)
    return found.select_related("provider")


def _told(given: Mapping[str, Any]) -> QuerySet[ExternalIdentity]:
    tells = ScimToken.objects.filter(
        provider=OuterRef("provider"), revoked_at=None, expires_at__gt=given["at"]
    )
    return counting_identities(given["person"]).annotate(is_told=Exists(tells)).order_by()


_identities = PreparedModels(
    _told,
    {
        "person": UUID("00000000-0000-4000-8000-0000000000a1"),
        "at": datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC),
    },
)


def _what_to_do(person_id: UUID) -> str:
    """Name the provider whose word counted longest, or where they have not signed in yet."""
    identities = list(counting_identities(person_id).order_by("provider__name"))
    told = [(one.confirmed_at + one.provider.max_age, one) for one in identities if one.confirmed_at]
    if told:
        provider = max(told, key=lambda pair: pair[0])[1].provider
        return (
            f"Your sign-in is older than {_span(provider.max_age_hours)}: "
            f"sign in again at {provider.name}, and this works at once."
        )
    if identities:
        return f"Sign in at {identities[0].provider.name} first, and this works at once."
    return "No identity provider vouches for you any more: ask an admin."


def _span(hours: int) -> str:
    if hours % DAY_HOURS == 0 and hours > DAY_HOURS:
        return f"{hours // DAY_HOURS} days"
    return "an hour" if hours == 1 else f"{hours} hours"
