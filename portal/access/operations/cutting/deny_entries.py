"""By which entry of a deny a live session is cut off: one rule for each call (see `brokers.aws.revocation`)."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from brokers.types import IssuedSession
from portal.access.models import AwsSession
from portal.catalog.models import AwsRole

Method = AwsRole.Method
# Who names a session is not us, and several share the name: those that AWS issued before a time are cut, so that later
# ones live.
BY_TIME = frozenset({Method.SAML.value, Method.SESSION_TOKEN.value, Method.COGNITO.value})
# AWS's clock and ours may differ, and a call that was sent before the cut may be answered after it.
CUT_MARGIN = timedelta(seconds=60)
# By how much AWS's clock may be behind ours when the cut's time has come here.
CLOCKS_APART = timedelta(seconds=5)
# Whose sessions the portal can make another of, under the same name, to see whether AWS denies it.
PROBED = frozenset({Method.ASSUME_ROLE.value, Method.FEDERATION_TOKEN.value})


def userid_of(role: AwsRole, issued: IssuedSession) -> str:
    """Return what stands for a session that AWS made: `aws:userid`, or the Cognito identity that it is of."""
    if role.method == Method.COGNITO:
        return f"sub={issued.identity_id}"
    return issued.userid


def expected_userid(role: AwsRole, session: AwsSession) -> str:
    """Return what will stand for a session whose answer was never seen; empty where nobody can know.

    A Cognito session that was not answered was handed to nobody, and its identity is not known.
    """
    if role.method == Method.COGNITO:
        return ""
    if role.method == Method.SESSION_TOKEN:
        return role.unique_id
    return f"{role.unique_id if role.is_role else role.account.account_id}:{session.session_name}"


def deny_entry(role: AwsRole, userid: str, *, at: datetime) -> str:
    """Return the entry that cuts off at `at` what has this userid, and nothing that is issued later."""
    if role.method not in BY_TIME:
        return userid
    before = (at + CUT_MARGIN).astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
    return f"{userid}<{before:%Y-%m-%dT%H:%M:%SZ}"


def denied_until(entries: Iterable[str]) -> datetime | None:
    """Return until when AWS denies also what it issues now under the names of these entries; None: it does not."""
    times = [entry.partition("<")[2] for entry in entries if "<" in entry]
    return max(map(datetime.fromisoformat, times)) + CLOCKS_APART if times else None


def why_not_probed(role: AwsRole) -> str:
    """Return why no session of the portal's own can show that a cut of this role's is enforced, or nothing."""
    if role.method in PROBED:
        return ""
    call = role.get_method_display()
    return f"Not tried out: only somebody's own proof opens {call}, so that no session of the portal's own can ask."
