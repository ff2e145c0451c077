"""Django looks here for admin pages: one file per thing, all of them named."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroups
from django.contrib.auth.models import Group as DjangoGroup

from portal.staff import (
    accounts,
    audit,
    entitlements,
    grants,
    groups,
    identities,
    operating,
    partners,
    people,
    providers,
    revocations,
    roles,
    scopes,
)

__all__ = [
    "accounts",
    "audit",
    "entitlements",
    "grants",
    "groups",
    "identities",
    "operating",
    "partners",
    "people",
    "providers",
    "revocations",
    "roles",
    "scopes",
]

# Rights are given to people, one by one, by superusers. A group of rights would be a second way in.
if isinstance(admin.site._registry.get(DjangoGroup), DjangoGroups):  # noqa: SLF001  # there is no public question
    admin.site.unregister(DjangoGroup)
# Deleting many at once passes by the audit row of each.
admin.site.disable_action("delete_selected")
