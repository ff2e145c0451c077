"""What must hold after every fault: security.md's four invariants, and both halves of each denial."""

from collections import Counter
from datetime import timedelta

from django.db.models import F

from portal.access.lifecycle import LIVING, MAY_LIVE, WAITING, GrantState
from portal.access.models import AwsSession, DenyDocument, Grant, KeptDeny, Revocation
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.kernel.clock import database_now
from tests.integration.brokers.aws.estate import ROLE, TARGET
from tests.integration.jobs.faults.installation import Installation

# A sweep comes each second; a try that failed comes again within a minute, and a worker holds a row a while.
GRACE, LONGEST_PAUSE = timedelta(seconds=10), timedelta(seconds=110)
ENDINGS = {
    GrantState.EXPIRED: EventType.GRANT_EXPIRED,
    GrantState.REVOKED: EventType.GRANT_REVOKED,
    GrantState.RELEASED: EventType.GRANT_RELEASED,
    GrantState.SUSPENDED: EventType.GRANT_SUSPENDED,
}
ANSWERS = {
    "asked": None,
    "got": EventType.SESSION_ISSUED,
    "discarded": EventType.SESSION_DISCARDED,
    "lost": EventType.SESSION_FAILED,
    "failed": EventType.SESSION_FAILED,
}
THE_ROLES_OWN = {"May"}


def check_invariants(made: Installation) -> None:
    nothing_outlives_its_end()
    each_change_is_audited_once()
    nothing_was_released_after_the_cut()
    only_the_ended_are_denied(made)
    everything_in_aws_has_its_row(made)


def nothing_outlives_its_end() -> None:
    """No grant active past its end; whatever ended and may live has a revocation that stands or is tried again."""
    now = database_now()
    late = Grant.objects.filter(state__in=_values(LIVING), ends_at__lt=now - GRACE)
    assert not late.exists(), f"{late.count()} grants are active past their end"
    owed = AwsSession.objects.filter(
        grant__ended_at__isnull=False,
        grant__sessions_run_out=False,
        expires_at__gt=F("grant__ended_at"),
        state__in=_values(MAY_LIVE),
        grant__revocation=None,
    )
    assert not owed.exists(), f"{owed.count()} sessions may live and nothing is to cut them"
    idle = Revocation.objects.filter(state__in=_values(WAITING), next_try_at__gt=now + LONGEST_PAUSE)
    assert not idle.exists(), f"{idle.count()} revocations are not tried again soon"


def each_change_is_audited_once() -> None:
    # Read before the trail: a proof may come in between, with its row.
    grants, revocations = list(Grant.objects.all()), list(Revocation.objects.all())
    rows: Counter[tuple[object, str]] = Counter(AuditEvent.objects.values_list("grant_id", "type"))
    for grant in grants:
        ends = {event: rows[grant.pk, event.value] for event in ENDINGS.values()}
        wanted = ENDINGS.get(GrantState(grant.state))
        assert {event: count for event, count in ends.items() if count} == ({wanted: 1} if wanted else {}), (
            f"{grant.pk} is {grant.state}: {ends}"
        )
        assert rows[grant.pk, EventType.GRANT_MADE.value] == 1
    for revocation in revocations:
        applied = rows[revocation.grant_id, EventType.REVOCATION_APPLIED.value]
        again = rows[revocation.grant_id, EventType.REVOCATION_REOPENED.value]
        assert applied <= 1 + again, f"{revocation} was applied {applied} times"
        assert applied >= (1 if revocation.applied_at else 0), f"{revocation} was applied without a row"
        proven = rows[revocation.grant_id, EventType.REVOCATION_PROVEN.value]
        assert proven >= (1 if revocation.proven_at else 0), f"{revocation} was proven without a row"
    _sessions_are_audited()


def _sessions_are_audited() -> None:
    events = AuditEvent.objects.filter(type__startswith="access.session.", details__has_key="session")
    rows = Counter(events.values_list("details__session", "type"))
    for session in AwsSession.objects.all():
        wanted = {EventType.SESSION_ASKED, ANSWERS[session.state]} - {None}
        found = {kind: count for (key, kind), count in rows.items() if key == str(session.pk)}
        assert found == {event.value: 1 for event in wanted if event}, (
            f"{session} is {session.state}: {found}"
        )


def nothing_was_released_after_the_cut() -> None:
    late = AwsSession.objects.filter(state="got", answered_at__gt=F("grant__ended_at"))
    assert not late.exists(), f"{late.count()} credentials were handed out after the cut-off"


def only_the_ended_are_denied(made: Installation) -> None:
    """By real signed calls: who was cut off is denied, everybody else on the same role works."""
    for held in made.held:
        held.grant.refresh_from_db()
        ended = held.grant.ended_at is not None
        if ended and not made.stands(held.grant):
            continue
        assert held.is_denied() == ended, f"{held.grant.pk} is {held.grant.state}, denied: {held.is_denied()}"
    assert made.neighbour.grant.ended_at is None, "the neighbour's grant ended"


def everything_in_aws_has_its_row(made: Installation) -> None:
    """Each denied session belongs to a revocation, each standing revocation is denied, no policy is an orphan."""
    iam = made.plant.aws.root("iam", TARGET)
    standing = made.aws.deny.read(made.role.deny_target)
    rows = list(Revocation.objects.filter(cleaned_at=None))
    explained = {userid for row in rows for userid in row.userids}
    explained |= set(KeptDeny.objects.values_list("userid", flat=True))
    assert set(standing.entries) <= explained, f"{len(standing.entries - explained)} denies have no row"
    owed = {userid for row in rows if row.applied_at for userid in row.userids}
    assert owed <= set(standing.entries), f"{len(owed - standing.entries)} denies are missing in AWS"
    inline = set(iam.list_role_policies(RoleName=ROLE)["PolicyNames"])
    attached = {p["PolicyName"] for p in iam.list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"]}
    ours = {policy.name for policy in standing.policies}
    assert inline | attached == THE_ROLES_OWN | ours, f"orphans: {(inline | attached) - THE_ROLES_OWN - ours}"
    assert not ours or DenyDocument.objects.filter(name=ROLE).exists()
    made_here = {p["PolicyName"] for p in iam.list_policies(Scope="Local")["Policies"]}
    assert made_here <= attached, f"managed policies that nobody attached: {made_here - attached}"


def _values(states: frozenset[object]) -> list[str]:
    return sorted(str(state) for state in states)
