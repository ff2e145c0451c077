"""How an end in AWS is told: each state in its own words, none of which says more than was seen."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

NOW = datetime(2026, 5, 6, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def words(
    *, revocation: dict[str, Any] | None = None, live: int = 0, writable: bool = True, **grant: Any
) -> str:
    from portal.access.models import Grant, Revocation  # noqa: PLC0415  # after the settings are chosen
    from portal.access.run_out import RunOut  # noqa: PLC0415
    from portal.access.telling import end_words  # noqa: PLC0415
    from portal.catalog.models import AwsRole  # noqa: PLC0415

    row = Revocation(**revocation) if revocation is not None else None
    left = RunOut(0, live, LATER if live else None)
    ended = Grant(role=AwsRole(is_writable=writable), state="revoked", **grant)
    return end_words(ended, row, left, lambda at: f"{at:%H:%M}")


@pytest.mark.parametrize(
    ("revocation", "told"),
    [
        ({"state": "pending"}, "AWS is being told"),
        ({"state": "failing"}, "AWS hasn't taken the order yet"),
        ({"state": "applied", "probe_at": NOW}, "Whether it obeys is being tried."),
        ({"state": "applied"}, "Applied, not proven. AWS shows the order"),
        (
            {"state": "applied", "proof_note": "No probe could be made: x."},
            "because no probe could be made: x. AWS",
        ),
        ({"state": "applied", "proof_note": "Operator may not call."}, "because Operator may not call. AWS"),
        ({"state": "applied", "proof_note": "Not yet.", "probe_at": NOW}, "It is being tried on."),
        ({"state": "proven", "proven_at": NOW}, "AWS was seen to refuse"),
        ({"state": "cleaned", "applied_at": NOW, "proven_at": NOW}, "before was proven."),
        ({"state": "cleaned", "applied_at": NOW}, "before was applied, not proven."),
        ({"state": "cleaned"}, "AWS never took the order"),
    ],
)
def test_each_state_of_a_revocation(revocation: dict[str, Any], told: str) -> None:
    assert told in words(revocation=revocation)


@pytest.mark.parametrize("state", ["pending", "failing", "applied", "cleaned"])
def test_only_what_was_proven_is_called_so(state: str) -> None:
    said = words(revocation={"state": state, "applied_at": NOW}).replace("not proven", "")
    assert "proven" not in said
    assert "was seen to refuse" not in said


@pytest.mark.parametrize(
    ("world", "told"),
    [
        ({}, "there was nothing to end in AWS."),
        ({"sessions_run_out": True}, "left to run out. None is alive any more."),
        ({"sessions_run_out": True, "live": 2}, "0 console sessions and 2 sets of credentials may live on"),
        ({"writable": False}, "no kill switch. No session of this grant is alive any more."),
        ({"writable": False, "live": 1}, "can write no order to AWS that cuts its sessions short"),
        ({"live": 1}, "0 console sessions and 1 set of credentials may live on, the longest until 13:00."),
    ],
)
def test_an_end_without_a_revocation(world: dict[str, Any], told: str) -> None:
    assert told in words(**world)
