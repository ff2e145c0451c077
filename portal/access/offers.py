"""What people may take for themselves, through the groups that they are in."""

from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from portal.catalog.filling import built_ins
from portal.catalog.models import Entitlement
from portal.catalog.scopes import fill
from portal.directory.models import ExternalIdentity, GroupMembership


def offers_to(person_id: UUID) -> QuerySet[Entitlement]:
    """Return the entitlements of a person's groups, those of roles that are switched off left out.

    A provider's group counts while that provider vouches for the person itself: it is switched on, and one of their
    identities there is not gone.
    """
    known = ExternalIdentity.objects.filter(
        person=person_id, provider=OuterRef("group__provider"), gone_at=None, provider__is_enabled=True
    )
    memberships = GroupMembership.objects.filter(person=person_id, group=OuterRef("group"))
    return (
        Entitlement.objects.filter(
            Exists(memberships),
            Q(group__provider=None) | Exists(known),
            is_enabled=True,
            role__is_enabled=True,
        )
        .select_related("group", "role__account", "scope_template")
        .order_by(F("role__account__name"), F("role__title"), F("longest_minutes").desc(), "pk")
    )


def scope_words(entitlement: Entitlement) -> str:
    """Say what a grant taken through it lets its person do."""
    template = entitlement.scope_template
    if template is None:
        return "Everything the role allows"
    try:
        return str(
            fill(template.summary, {**entitlement.scope_parameters, **built_ins(entitlement.role.account)})
        )
    except (KeyError, ValidationError):
        return template.name  # it was changed since, and taking will say what is wrong
