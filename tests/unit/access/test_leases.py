"""The lease of a document: one holder, a fence that grows, a look again after a takeover."""

from datetime import timedelta
from typing import Any

import pytest

from brokers.types import StandingDeny
from portal.access.models import DenyDocument
from portal.access.operations.cutting import apply_revocations as engine
from portal.access.operations.cutting.leases import give_back, renew, take_lease
from portal.access.policy import window_refusal
from portal.kernel.clock import database_now
from tests.fakes import FakeAws

pytestmark = pytest.mark.django_db


@pytest.fixture
def document(account: Any) -> DenyDocument:
    return DenyDocument.objects.create(account=account, kind="role", name="Reader")


def test_one_holds_it_until_it_is_given_back_or_runs_out(document: DenyDocument) -> None:
    first = take_lease(document.pk, "a")
    assert first is not None
    assert take_lease(document.pk, "b") is None
    assert renew(first)
    assert give_back(first)
    second = take_lease(document.pk, "b")
    assert second is not None
    assert second.fence == first.fence + 1
    assert DenyDocument.objects.get().recheck_at is None
    DenyDocument.objects.update(leased_until=database_now() - timedelta(seconds=1))
    third = take_lease(document.pk, "c")
    assert third is not None
    assert DenyDocument.objects.get().recheck_at is not None
    assert not renew(second)
    assert not give_back(second)
    assert DenyDocument.objects.get().holder == "c"


def test_what_aws_shows_at_the_very_last_look_counts(
    document: DenyDocument, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[bool] = []
    aws.after["write"] = lambda: shown.append(True)
    stale = StandingDeny(intact=False)
    reads = iter([stale, stale, stale, stale, StandingDeny()])
    monkeypatch.setattr(aws, "read", lambda _: next(reads))
    engine.apply_revocations(document_id=document.pk, aws=aws.ports(), holder="a")
    assert len(shown) == 3
    assert DenyDocument.objects.get().applied_at is not None


def test_an_end_that_has_passed() -> None:
    now = database_now()
    hour = timedelta(hours=1)
    assert window_refusal(now - 2 * hour, now - hour, now=now) == (
        "ends_at",
        "This end has passed already; choose one in the future.",
    )
