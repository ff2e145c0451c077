"""Every fault, in groups that share one installation. `FAST`: the quick ones, injected when nothing is named."""

from collections.abc import Collection, Mapping, Sequence

from tests.integration.jobs.faults import (
    aws_late,
    aws_refuses,
    by_hand,
    clocks,
    disk_full,
    killed,
    nobody_sweeps,
    people,
    postgres_crash,
    redis_away,
)
from tests.integration.jobs.faults.figures import FAST, GROUPS, Fault

FAULTS: Mapping[str, Sequence[Fault]] = {
    FAST: [
        Fault(
            "worker_before_put",
            "kill -9 of the worker, its PutRolePolicy never reached AWS",
            killed.kill_worker_before_the_put,
        ),
        Fault(
            "worker_after_put",
            "kill -9 of the worker, AWS took the put, the answer reached nobody",
            killed.kill_worker_after_the_put,
        ),
        Fault(
            "redis_flushed",
            "FLUSHALL ten times over 3 s, around the end of 50 grants",
            redis_away.flushed,
        ),
        Fault(
            "redis_killed",
            "kill -9 of Valkey; a grant revoked, another due meanwhile",
            redis_away.killed_and_back,
        ),
        Fault("iam", "IAM: 503 as an HTML page; AWS did it, and the answer was lost", aws_refuses.iam),
        Fault("sts", "STS: 503 as an HTML page; AWS did it, and the answer was lost", aws_refuses.sts),
        Fault("deny_deleted", "the deny policy deleted in AWS by hand", by_hand.deleted),
        Fault(
            "person_gone",
            "a person with grants deleted (PROTECT refuses), then deactivated",
            people.person_gone,
        ),
        Fault(
            "partner_gone",
            "a partner whose people hold grants deleted (PROTECT refuses), then suspended",
            people.partner_gone,
        ),
    ],
    "aws": [
        Fault(
            "iam_rest",
            "IAM: 400 Throttling, 429, 503 as XML, 500, 200 with garbage, in turn",
            aws_refuses.iam_rest,
        ),
        Fault(
            "sts_rest",
            "STS: 400 Throttling, 429, 503 as XML, 500, 200 with garbage, in turn",
            aws_refuses.sts_rest,
        ),
        Fault("iam_silent", "IAM does not answer for 12 s, call after call", aws_refuses.iam_silent),
        Fault("sts_silent", "STS does not answer for 12 s, call after call", aws_refuses.sts_silent),
        Fault(
            "iam_shown_late",
            "IAM accepts the put, shows and enforces the old document for 10 s",
            aws_late.shown_late,
        ),
        Fault(
            "iam_enforced_late",
            "IAM shows the new document at once, enforces it 10 s later",
            aws_late.enforced_late,
        ),
    ],
    "sweep": [
        Fault("nobody_sweeps", "kill -9 of beat and worker; the web process watches", nobody_sweeps.noticed),
        Fault("beat_away", "kill -9 of beat, FLUSHALL, five ends", clocks.beat_away),
        Fault(
            "both_away",
            "kill -9 of beat and worker; an hour with 301 ends passes; both started",
            clocks.both_away,
        ),
    ],
    "clocks": [
        Fault(
            "clock_back",
            "the clock of worker and beat moved back an hour (libfaketime)",
            clocks.clock_moved_back,
        ),
        Fault(
            "beats_clock_back", "the clock of beat alone moved back an hour", clocks.beats_clock_moved_back
        ),
    ],
    "disk": [
        Fault("disk_full", "the disk under SQLite filled to the last byte", disk_full.full),
        Fault(
            "disk_full_in_mid_issue",
            "the same, between STS's answer and its record",
            disk_full.full_in_mid_issue,
        ),
    ],
    "crash": [
        Fault(
            "web_in_mid_issue",
            "kill -9 of the web process (granian) once STS had answered and nobody had the answer",
            killed.kill_web_in_mid_issue,
        ),
        Fault(
            "two_of_each", "a second worker and a second beat; 300 grants due, 5 revoked", killed.two_of_each
        ),
        Fault(
            "deploy",
            "SIGTERM to the worker while it sweeps 10,000 due grants, a new one started at once",
            killed.deploy_in_mid_sweep,
        ),
        Fault("deny_edited", "one session taken out of the deny policy by hand", by_hand.entry_removed),
        Fault("deny_replaced", "Allow * put in the deny policy's place by hand", by_hand.replaced),
    ],
    "postgres": [
        Fault(
            "postgres_mid_sweep",
            "pg_ctl stop -m immediate and start, with 6,001 grants due and the sweep under way",
            postgres_crash.crash_in_mid_sweep,
        ),
        Fault(
            "postgres_mid_revoke",
            "the same, while the worker's put was on its way",
            postgres_crash.crash_in_mid_revoke,
        ),
        Fault("audit_unwritable", "a trigger that refuses every audit row", postgres_crash.audit_unwritable),
    ],
}


def chosen(only: Collection[str], database: str) -> list[Fault]:
    """Return the faults of the groups, or of the names, that are for this database; nothing named: FAST."""
    assert FAULTS.keys() == GROUPS.keys()
    names = set(only) or {FAST}
    known = set(FAULTS) | {fault.name for faults in FAULTS.values() for fault in faults}
    assert names <= known, f"allowed are {sorted(known)}"
    return [
        fault
        for group, faults in FAULTS.items()
        for fault in faults
        if {group, fault.name} & names and database in GROUPS[group]
    ]
