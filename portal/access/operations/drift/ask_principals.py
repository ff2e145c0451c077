"""Ask AWS what stands on many roles and users: several accounts at once, a few calls in each, nothing of the database.

An account that answers nothing is given up after a few tries, and said to be; the others go on.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field

from brokers.errors import AwsRefused, BrokerError
from brokers.ports import AwsPorts
from brokers.types import OwnPolicy
from portal.access.compare import Shown
from portal.access.differences import Principal
from portal.catalog.models import AwsAccount

THREADS = 12
# Of each account: IAM throttles by account, and one that hangs must not take all threads.
AT_ONCE = 3
# In a row; each may take 40 s where nothing answers.
GIVE_UP_AFTER = 3
MANY = 4
PROGRESS_EVERY = 1.0
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Look:
    """What AWS showed. `unasked`: what it did not answer for, and why; `policies`: those under the portal's path."""

    shown: Mapping[Principal, Shown]
    unasked: Mapping[str, str]
    policies: Mapping[str, Sequence[OwnPolicy]]


@dataclass
class _Asking:
    """One account's principals that are still to be asked for, shared by the threads that ask."""

    account: AwsAccount
    todo: deque[Principal]
    policies: list[OwnPolicy] = field(default_factory=list)
    shown: dict[Principal, Shown] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    in_a_row: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> Principal | None:
        with self.lock:
            if self.in_a_row >= GIVE_UP_AFTER or not self.todo:
                return None
            return self.todo.popleft()

    def note(self, principal: Principal, shown: Shown) -> None:
        with self.lock:
            self.shown[principal] = shown
            self.in_a_row = 0

    def note_failure(self, what: str, problem: BrokerError) -> None:
        with self.lock:
            self.failed[what] = str(problem)
            # What is refused comes back at once; what hangs is what the others must not wait for.
            self.in_a_row += problem.retryable

    def unasked(self) -> Mapping[str, str]:
        """Return what failed and why: each for itself, or all in one line where they are many for one reason."""
        reasons = list(dict.fromkeys(self.failed.values()))
        if not self.todo and (len(self.failed) < MANY or len(reasons) > 1):
            return self.failed
        number = len(self.failed) + len(self.todo)
        return {f"{self.account}": f"{number} roles and users were not asked for: {reasons[-1]}"}


def ask_aws(
    principals: Mapping[Principal, AwsAccount],
    aws: AwsPorts,
    *,
    progress: Progress | None = None,
) -> Look:
    """Ask for each principal's id and denies, and for what stands under the portal's path in each account.

    Also for the principals that are named there and nobody asked for. No transaction may be open. `progress(done,
    all)` is called in this thread, each second.
    """
    asking: dict[str, _Asking] = {}
    for principal, account in principals.items():
        asking.setdefault(account.account_id, _Asking(account, deque())).todo.append(principal)
    with ThreadPoolExecutor(THREADS) as pool:
        _wait([pool.submit(_list, each, aws) for each in asking.values()], _nothing)
        total = sum(len(each.todo) for each in asking.values())
        rounds = [each for _ in range(AT_ONCE) for each in asking.values()]
        drained = [pool.submit(_drain, each, aws) for each in rounds]
        _wait(drained, lambda: _tell(asking, total, progress))
    return Look(
        shown={principal: shown for each in asking.values() for principal, shown in each.shown.items()},
        unasked={what: why for each in asking.values() for what, why in each.unasked().items()},
        policies={number: each.policies for number, each in asking.items()},
    )


def _list(asking: _Asking, aws: AwsPorts) -> None:
    """List the account's policies of ours, and have those asked for as well whose denies they hold."""
    known = set(asking.todo)
    try:
        target = asking.account.deny_target(asking.todo[0].kind, asking.todo[0].name)
        asking.policies = list(aws.policies.own_policies(target))
    except BrokerError as problem:
        asking.note_failure(f"managed policies in {asking.account}", problem)
        return
    for policy in asking.policies:
        if policy.kind is not None and policy.principal is not None:
            named = Principal(asking.account.account_id, policy.kind, policy.principal)
            if named not in known:
                known.add(named)
                asking.todo.append(named)


def _drain(asking: _Asking, aws: AwsPorts) -> None:
    while (principal := asking.take()) is not None:
        try:
            asking.note(principal, _ask(principal, asking.account, aws))
        except BrokerError as problem:
            asking.note_failure(str(principal), problem)


def _ask(principal: Principal, account: AwsAccount, aws: AwsPorts) -> Shown:
    target = account.deny_target(principal.kind, principal.name)
    try:
        return Shown(aws.principals.unique_id(target), aws.deny.read(target))
    except AwsRefused as refused:
        if refused.aws_code == "NoSuchEntity":
            return Shown()
        raise


def _wait(futures: Sequence["Future[None]"], meanwhile: Callable[[], None]) -> None:
    """Wait for all, and do `meanwhile` each second and at the end. Raises what a thread raised: no BrokerError."""
    pending = set(futures)
    while pending:
        done, pending = wait_for(pending, timeout=PROGRESS_EVERY)
        for future in done:
            future.result()
        meanwhile()


def _tell(asking: Mapping[str, _Asking], total: int, progress: Progress | None) -> None:
    if progress is not None:
        progress(sum(len(each.shown) + len(each.failed) for each in asking.values()), total)


def _nothing() -> None:
    pass
