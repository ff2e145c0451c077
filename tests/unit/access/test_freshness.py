"""When kept credentials go out, and when they are had anew: a row each."""

from datetime import timedelta

import pytest

from portal.access.freshness import Freshness, freshness

GOOD, RENEW, OVER = Freshness.GOOD, Freshness.RENEW, Freshness.OVER
MUCH = 10_000


@pytest.mark.parametrize(
    ("lifetime", "left", "gain", "expected"),
    [
        # An hour: the SDKs' own 15 and 10 minutes.
        (3600, 3600, MUCH, GOOD),
        (3600, 901, MUCH, GOOD),
        (3600, 900, MUCH, RENEW),
        (3600, 601, MUCH, RENEW),
        (3600, 600, MUCH, OVER),
        (3600, 1, MUCH, OVER),
        # Twelve hours: no earlier than SDKs ask.
        (43_200, 901, MUCH, GOOD),
        (43_200, 900, MUCH, RENEW),
        (43_200, 600, MUCH, OVER),
        # Fifteen minutes, for which SDKs ask at each call: a quarter, and a sixth.
        (900, 226, MUCH, GOOD),
        (900, 225, MUCH, RENEW),
        (900, 151, MUCH, RENEW),
        (900, 150, MUCH, OVER),
        # A stand-in's twelve seconds.
        (12, 3.1, MUCH, GOOD),
        (12, 3, MUCH, RENEW),
        (12, 2, MUCH, OVER),
        # A new one would end no later: at a grant's end, to the last second.
        (3600, 1, 0, GOOD),
        (3600, 899, 0.9, GOOD),
        (3600, 899, 1, RENEW),
        (900, 1, -5, GOOD),
        # Over is over.
        (3600, 0, 0, OVER),
        (3600, -1, MUCH, OVER),
    ],
)
def test_what_is_done_with_what_is_kept(
    lifetime: float, left: float, gain: float, expected: Freshness
) -> None:
    told = freshness(
        lifetime=timedelta(seconds=lifetime), left=timedelta(seconds=left), gain=timedelta(seconds=gain)
    )
    assert told is expected
