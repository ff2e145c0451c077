"""One person's flood of new fetches, over many grants: what another person of the same tenant is answered meanwhile."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from portal.access.models import AwsSession, CredentialSlot, Grant, StsBudget
from portal.access.operations.credentials import sts_budget
from portal.access.operations.credentials.fetch_credentials import FetchedCredentials, fetch_credentials
from portal.kernel.errors import BusyError
from tests.fakes import FakeAws

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
# A call in a thousand seconds, four at once: nothing comes back while a test runs.
EACH, BURST = 1000, 4


@pytest.fixture(autouse=True)
def _small(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.STS_RATE, settings.STS_BURST = 1 / EACH, BURST
    monkeypatch.setattr(sts_budget, "PATIENCE", 0.0)


@pytest.fixture
def fetch(aws: FakeAws, actor_of: Make) -> Callable[[Grant], FetchedCredentials]:
    def fetched(grant: Grant) -> FetchedCredentials:
        return fetch_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.holder), door="api")

    return fetched


@pytest.fixture
def flood(make_grant: Make, mallory: Any, fetch: Callable[[Grant], object]) -> Callable[[int], int]:
    """Fetch for so many new grants of one person; returns how many got something."""

    def flooded(many: int) -> int:
        got = 0
        for _ in range(many):
            try:
                fetch(make_grant(mallory))
                got += 1
            except BusyError:
                pass
        return got

    return flooded


def later(seconds: float) -> None:
    StsBudget.objects.update(filled_at=F("filled_at") - timedelta(seconds=seconds))


def told_to_come_again(fetch: Callable[[Grant], object], grant: Grant) -> bool:
    """Whether nothing is given now, and the time to wait is told: one call's, and no more."""
    with pytest.raises(BusyError) as busy:
        fetch(grant)
    return 0 < busy.value.retry_after_seconds <= EACH


def test_who_comes_again_when_told_is_served(
    make_grant: Make, ben: Any, aws: FakeAws, fetch: Callable[[Grant], object], flood: Callable[[int], int]
) -> None:
    grant = make_grant(ben)
    assert flood(8) == BURST
    assert told_to_come_again(fetch, grant)
    later(EACH)
    fetch(grant)
    assert aws.count("assume_role") == BURST + 1


def test_within_a_tenant_whoever_comes_first_is_served_and_the_other_is_told_no_later(
    make_grant: Make, ben: Any, fetch: Callable[[Grant], object], flood: Callable[[int], int]
) -> None:
    """No share is kept for one of the same company: docs/threat-model.md says so."""
    grant = make_grant(ben)
    assert flood(8) == BURST
    for _ in range(3):
        later(EACH)
        assert flood(2) == 1
        assert told_to_come_again(fetch, grant)
    later(EACH)
    fetch(grant)


def test_what_is_kept_goes_out_through_any_flood(
    make_grant: Make,
    ben: Any,
    aws: FakeAws,
    fetch: Callable[[Grant], FetchedCredentials],
    flood: Callable[[int], int],
) -> None:
    grant = make_grant(ben, seconds=3 * 3600)
    first = fetch(grant)
    assert flood(8) == BURST - 1
    assert fetch(grant).session_id == first.session_id
    # Due to be renewed, which can't be now.
    back = timedelta(minutes=46)
    CredentialSlot.objects.filter(grant=grant).update(expires_at=F("expires_at") - back)
    AwsSession.objects.filter(grant=grant).update(asked_at=F("asked_at") - back)
    assert fetch(grant).session_id == first.session_id
    assert aws.count("assume_role") == BURST
    later(EACH)
    assert fetch(grant).session_id != first.session_id
