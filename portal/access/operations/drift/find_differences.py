"""Find what AWS has against what the portal believes. Changes nothing, in AWS or here.

What is reported was so at two looks: IAM may answer from a copy that is behind, and a worker may be writing. A look
counts only where the portal believed the same before and after it, and no worker held the document's lease.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from brokers.ports import AwsPorts
from portal.access.compare import Shown, compare, unexplained
from portal.access.differences import Difference, Kind, Principal, Report
from portal.access.found_in_aws import left_behind, not_ours
from portal.access.operations.drift.ask_principals import Look, Progress, ask_aws
from portal.access.operations.drift.beliefs import Believed, managed_principals, read_beliefs
from portal.access.operations.drift.named_grants import read_named_grants
from portal.catalog.models import AwsAccount
from portal.kernel.clock import database_now

LOOKS = 5
# Between two looks: what IAM shows late is mostly there by then.
PAUSE = 2.0
Principals = Mapping[Principal, AwsAccount]
Found = Mapping[str, Difference]
_ORDER = list(Kind)


@dataclass(frozen=True, slots=True)
class Compared:
    """One look at some principals, and what it found where it counts."""

    look: Look
    settled: Mapping[Principal, Found]


@dataclass
class _Findings:
    """What was found of each principal at its last look that counted, and what at two of them."""

    once: dict[Principal, Found] = field(default_factory=dict)
    twice: dict[Principal, Found] = field(default_factory=dict)

    def add(self, principal: Principal, found: Found) -> None:
        before = self.once.get(principal)
        if before is not None:
            self.twice[principal] = {key: each for key, each in found.items() if key in before}
        elif not found:
            self.twice[principal] = {}
        self.once[principal] = found


def find_differences(*, aws: AwsPorts, progress: Progress | None = None) -> Report:
    """Compare every role and user that the portal manages, with two calls for each; no transaction may be open.

    `progress(done, all)` is called each second or so of the first look.
    """
    findings, unasked, foreign = _Findings(), dict[str, str](), list[Difference]()
    todo: Principals = managed_principals()
    for number in range(LOOKS if todo else 0):
        if number:
            time.sleep(PAUSE)
        compared = look_and_compare(todo, aws, progress=None if number else progress)
        unasked |= compared.look.unasked
        if not number:
            foreign = _foreign(compared.look)
        for principal, found in compared.settled.items():
            findings.add(principal, found)
        todo = {
            principal: account
            for principal, account in accounts_of(compared.look, todo).items()
            if principal not in findings.twice
        }
        if not todo:
            break
    differences = [*foreign, *(each for found in findings.twice.values() for each in found.values())]
    return Report(
        differences=tuple(sorted(differences, key=lambda each: (_ORDER.index(each.kind), each.key))),
        unasked=unasked,
        unsettled=tuple(str(principal) for principal in todo),
        looked_at=len(findings.twice),
    )


def look_and_compare(principals: Principals, aws: AwsPorts, *, progress: Progress | None = None) -> Compared:
    """Ask AWS once, and compare with what was believed before and after."""
    before = read_beliefs(principals, aws, at=database_now())
    look = ask_aws(principals, aws, progress=progress)
    after, found = compare_with(look, principals, aws)
    settled = {each: found[each] for each in found if is_settled(before.get(each), after[each])}
    return Compared(look, settled)


def compare_with(
    look: Look, principals: Principals, aws: AwsPorts
) -> tuple[Mapping[Principal, Believed], Mapping[Principal, Found]]:
    """Return what is believed now of each principal that AWS showed, and what is not alike there, by key."""
    now = database_now()
    gone = {principal for principal, shown in look.shown.items() if shown.deny is None}
    believed = read_beliefs(accounts_of(look, principals), aws, at=now, gone=gone)
    denied = {each: unexplained(believed[each].belief, shown) for each, shown in look.shown.items()}
    named = read_named_grants(denied, {each: shown.unique_id for each, shown in look.shown.items()}, aws)
    found = {}
    for principal, shown in look.shown.items():
        here = believed[principal]
        differences = compare(here.belief, shown, named[principal], at=now)
        found[principal] = {each.key: each for each in [*differences, *_left_behind(here, shown, look)]}
    return believed, found


def accounts_of(look: Look, principals: Principals) -> Principals:
    """Return the principals that AWS showed, with their accounts: those asked for, and those found on the way."""
    accounts = {principal.account: account for principal, account in principals.items()}
    return {principal: accounts[principal.account] for principal in sorted(look.shown)}


def is_settled(before: Believed | None, after: Believed) -> bool:
    """Whether nobody wrote, and nothing else was wanted, between two readings. None: not known here before."""
    if before is None:
        return not after.mark
    same = replace(before.belief, living={}) == replace(after.belief, living={})
    return same and before.mark == after.mark and not (before.at_work or after.at_work)


def _left_behind(believed: Believed, shown: Shown, look: Look) -> Sequence[Difference]:
    principal, wants_nothing = believed.belief.principal, believed.belief.wants_nothing
    in_force = {policy.name for policy in shown.deny.policies} if shown.deny else set()
    return [
        left_behind(principal, policy, wants_nothing=wants_nothing)
        for policy in look.policies.get(principal.account, ())
        if policy.is_own
        and (policy.kind, policy.principal) == (principal.kind, principal.name)
        and policy.name not in in_force
    ]


def _foreign(look: Look) -> list[Difference]:
    return [
        not_ours(number, policy)
        for number, policies in look.policies.items()
        for policy in policies
        if not policy.is_own
    ]
