"""The library of scopes: whole, kept up to date, and nobody else's rows touched."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.catalog.filling import fill_scope
from portal.catalog.keep_library import keep_library
from portal.catalog.kinds import KINDS
from portal.catalog.library import LIBRARY, LibraryScope
from portal.catalog.models import AwsAccount, ScopeTemplate

pytestmark = pytest.mark.django_db


def test_every_scope_is_there_and_whole() -> None:
    rows = {row.library_key: row for row in ScopeTemplate.objects.exclude(library_key="")}
    assert set(rows) == {each.key for each in LIBRARY}
    assert len({each.name for each in LIBRARY}) == len(LIBRARY) == len(rows)
    for row in rows.values():
        row.full_clean()
        assert row.for_partners


@pytest.mark.parametrize("scope", LIBRARY, ids=lambda each: each.key)
@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_each_is_of_one_account_when_filled(scope: LibraryScope, partition: str) -> None:
    account = AwsAccount(name="X", account_id="222222222222", partition=partition)
    region = {"aws": "eu-central-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}[partition]
    values = {
        name: region if kind == "region" else KINDS[kind].example for name, kind in scope.parameters.items()
    }
    filled = fill_scope(
        template=ScopeTemplate.objects.get(library_key=scope.key), values=values, account=account
    )
    assert "{{" not in str(filled)
    for statement in filled.policy["Statement"]:
        resources = (
            statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        )
        for arn in resources:
            assert arn == "*" or arn.startswith(f"arn:{partition}:")
            assert arn == "*" or ":s3:" in arn or f"{region}:222222222222:" in arn


def test_nothing_is_asked_twice_where_nothing_changed() -> None:
    with CaptureQueriesContext(connection) as asked:
        assert keep_library() == 0
    assert len(asked) == 1


def test_a_text_of_an_older_version_is_brought_up_to_date_and_a_name_is_kept() -> None:
    ScopeTemplate.objects.filter(library_key="sqs-send").update(
        summary="Old", name="Send orders", for_partners=False, overruled=[{"code": "x"}]
    )
    ScopeTemplate.objects.filter(library_key="logs-read").delete()
    assert keep_library() == 2
    row = ScopeTemplate.objects.get(library_key="sqs-send")
    assert (row.name, row.for_partners, row.overruled) == ("Send orders", False, [])
    assert row.summary.startswith("Send messages to the queue")
    assert ScopeTemplate.objects.filter(library_key="logs-read").exists()
    assert keep_library() == 0


def test_what_was_overruled_stays_while_the_text_does() -> None:
    ScopeTemplate.objects.filter(library_key="sqs-send").update(overruled=[{"code": "x"}])
    keep_library()
    assert ScopeTemplate.objects.get(library_key="sqs-send").overruled == [{"code": "x"}]


def test_an_admins_own_row_of_the_same_name_stays() -> None:
    ScopeTemplate.objects.filter(library_key="sqs-send").delete()
    own = ScopeTemplate.objects.create(name="SQS queue, send", summary="Ours", policy={})
    assert keep_library() == 1
    own.refresh_from_db()
    assert own.summary == "Ours"
    assert ScopeTemplate.objects.get(library_key="sqs-send").name == "SQS queue, send (library)"


def test_migrating_brings_it_and_an_earlier_state_is_left_alone() -> None:
    kept = import_module("portal.catalog.apps")
    ScopeTemplate.objects.exclude(library_key="").delete()

    class Earlier:
        def get_model(self, *names: str) -> Any:
            raise LookupError(names)

    kept._keep_library(using="default", apps=Earlier())
    assert not ScopeTemplate.objects.exists()
    kept._keep_library(using="default", apps=apps)
    assert ScopeTemplate.objects.count() == len(LIBRARY)
    ScopeTemplate.objects.all().delete()
    call_command("migrate", "catalog", verbosity=0)
    assert ScopeTemplate.objects.count() == len(LIBRARY)
