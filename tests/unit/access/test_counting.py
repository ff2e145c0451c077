"""What monitoring counts: ends by state once they are committed, calls to STS by how they went."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.operations.running.sweep_grants import expire_batch
from portal.kernel import tallies
from portal.kernel.actor import Actor
from portal.kernel.errors import ConflictError, UpstreamError
from tests.fakes import DENIED, FakeAws

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


@pytest.fixture(autouse=True)
def _counted_anew() -> Iterator[None]:
    tallies._waiting.clear()
    yield
    tallies._waiting.clear()


def counted(name: str) -> dict[str, float]:
    return {label: amount for (of, label), amount in tallies._waiting.items() if of == name}


def test_ends_are_counted_when_they_are_committed(
    make_grant: Make, move_time: Make, django_capture_on_commit_callbacks: Any
) -> None:
    revoked, over = make_grant(), make_grant()
    move_time(over.pk, 4000)
    with django_capture_on_commit_callbacks(execute=True):
        revoke_grant(grant_id=revoked.pk, reason="r", actor=Actor.command("tests"))
        expire_batch()
        assert counted("grants_ended") == {}
    assert counted("grants_ended") == {"revoked": 1, "expired": 1}
    with django_capture_on_commit_callbacks(execute=True), pytest.raises(ConflictError):
        revoke_grant(grant_id=revoked.pk, reason="r", actor=Actor.command("tests"))
    assert counted("grants_ended") == {"revoked": 1, "expired": 1}


def test_calls_to_sts_are_counted_by_their_outcome(make_grant: Make, aws: FakeAws, actor_of: Make) -> None:
    grant = make_grant()
    issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
    aws.fail["assume_role"] = DENIED
    with pytest.raises(UpstreamError):
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
    assert counted("sts_calls") == {"assume_role:ok": 1, f"assume_role:{DENIED.code}": 1}


def test_a_fault_of_our_own_in_a_call_is_counted_too(make_grant: Make, aws: FakeAws, actor_of: Make) -> None:
    grant = make_grant()
    aws.before["assume_role"] = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
    assert counted("sts_calls") == {"assume_role:portal.fault": 1}
