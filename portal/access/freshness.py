"""When kept credentials are handed out, and when they are had anew. Pure.

SDKs renew from 15 minutes before the end and must have done so by 10; where credentials live for 15 minutes or less
they ask at each call, and are to get what is kept.
"""

from datetime import timedelta
from enum import Enum

# Of an hour these are the SDKs' own 15 and 10 minutes.
RENEW_PART = 4
MUST_PART = 6
RENEW_MOST = timedelta(minutes=15)
MUST_MOST = timedelta(minutes=10)
# A new session that would end so little later is not worth a call.
GAIN = timedelta(seconds=1)


class Freshness(Enum):
    """What is to be done with what is kept: hand it out; have one caller renew it; have nobody get it any more."""

    GOOD = "good"
    RENEW = "renew"
    OVER = "over"


def freshness(*, lifetime: timedelta, left: timedelta, gain: timedelta) -> Freshness:
    """Judge credentials that live for `lifetime` in all and work for `left` from now.

    `gain`: how much later than they a new session would end. Without any, as at a grant's end, they are handed out to
    their last second.
    """
    if left <= timedelta():
        return Freshness.OVER
    if gain < GAIN or left > min(RENEW_MOST, lifetime / RENEW_PART):
        return Freshness.GOOD
    return Freshness.RENEW if left > min(MUST_MOST, lifetime / MUST_PART) else Freshness.OVER
