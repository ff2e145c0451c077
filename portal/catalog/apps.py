from typing import Any

from django.apps import AppConfig
from django.core.exceptions import FieldDoesNotExist
from django.db.models.signals import post_migrate


class CatalogConfig(AppConfig):
    name = "portal.catalog"
    label = "catalog"

    def ready(self) -> None:
        post_migrate.connect(_keep_library, sender=self, dispatch_uid="library")


def _keep_library(*, using: str, apps: Any = None, **more: Any) -> None:
    """Keep the library of scopes after each migration, where the tables are this version's.

    A migration back to an earlier state leaves the tables without it.
    """
    del more
    from portal.catalog.keep_library import keep_library  # noqa: PLC0415  # models are there only now

    if apps is None or _has_library(apps):  # without: the tables were emptied, and are as the models say
        keep_library(using=using)


def _has_library(apps: Any) -> bool:
    try:
        apps.get_model("catalog", "ScopeTemplate")._meta.get_field("library_key")  # noqa: SLF001  # Django's documented name for it
    except (LookupError, FieldDoesNotExist):
        return False
    return True
