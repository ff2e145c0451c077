"""Keep the library's scopes in the database as this version of the portal has them."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from portal.catalog.library import LIBRARY, LibraryScope
from portal.catalog.models import ScopeTemplate

TEXT = ("summary", "policy", "parameters", "managed_policy_arns")


def keep_library(*, using: str = "default") -> int:
    """Add what is missing and bring the text of the library's rows up to date; return how many were written.

    One statement where nothing changed. An admin's own rows stay, also one that has a name of the library's: the
    library's own row then gets another. Names, roles and who may use a row are the admins'. What was granted before
    keeps the policy that it was granted with.
    """
    known = {row.library_key: row for row in ScopeTemplate.objects.using(using).exclude(library_key="")}
    missing = [each for each in LIBRARY if each.key not in known]
    changed = [known[each.key] for each in LIBRARY if each.key in known and _bring(known[each.key], each)]
    if not missing and not changed:
        return 0
    with transaction.atomic(using=using):
        if missing:
            ScopeTemplate.objects.using(using).bulk_create(_rows(missing, using), ignore_conflicts=True)
        if changed:
            ScopeTemplate.objects.using(using).bulk_update(changed, [*TEXT, "overruled"])
    return len(missing) + len(changed)


def _bring(row: ScopeTemplate, to: LibraryScope) -> bool:
    """Bring a row's text to the library's; say whether it was another. What was overruled was of the old text."""
    wanted = _text(to)
    if all(getattr(row, name) == value for name, value in wanted.items()):
        return False
    for name, value in wanted.items():
        setattr(row, name, value)
    row.overruled = []
    return True


def _rows(missing: Iterable[LibraryScope], using: str) -> list[ScopeTemplate]:
    wanted = {each.key: each for each in missing}
    names = [each.name for each in wanted.values()]
    taken = set(ScopeTemplate.objects.using(using).filter(name__in=names).values_list("name", flat=True))
    return [
        ScopeTemplate(
            name=f"{each.name} (library)" if each.name in taken else each.name,
            library_key=key,
            for_partners=True,
            **_text(each),
        )
        for key, each in wanted.items()
    ]


def _text(scope: LibraryScope) -> dict[str, Any]:
    return {
        "summary": scope.summary,
        "policy": scope.policy,
        "parameters": dict(scope.parameters),
        "managed_policy_arns": list(scope.managed_policy_arns),
    }
