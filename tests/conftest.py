"""Fixtures for every test: the database's own, and people, roles and grants to work with."""

from collections.abc import Iterator

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from portal.audit import append_only


@pytest.fixture(scope="session", autouse=True)
def _static_files_without_collecting() -> Iterator[None]:
    from django.test import override_settings  # noqa: PLC0415  # after the settings are chosen

    plain = {
        "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    with override_settings(STORAGES=plain):
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Between transactional tests Django empties all tables; the audit trail's triggers would refuse that.

    They are put back, and tried, by the tests of the audit trail.
    """
    del django_db_setup
    with django_db_blocker.unblock():
        append_only.unprotect(connection)
