"""What the machine stands on: a world of its own, a clock to turn, an AWS to break; what must hold after each step."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from types import SimpleNamespace
from unittest.mock import patch
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from brokers.types import DenyTarget
from portal.access.models import Grant
from portal.access.operations.cutting import apply_revocations as engine
from portal.access.operations.cutting.alarms import alarm_late_revocations
from portal.access.operations.cutting.prove_revocations import prove_revocations
from portal.access.operations.cutting.work_off import work_off
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.operations.running.hold import enter_hold, is_held, note_looked, release_hold
from portal.access.operations.running.sweep_grants import activate_batch, expire_batch
from portal.kernel import outbox
from portal.kernel.errors import DomainError
from tests.fakes import DENIED, UNAVAILABLE
from tests.integration.lifecycle import promises
from tests.integration.lifecycle.clock import BEGINNING, turned_clock
from tests.integration.lifecycle.promises import View
from tests.integration.lifecycle.trail import Trail
from tests.integration.lifecycle.watched_aws import WatchedAws
from tests.integration.lifecycle.world import SHELL, World, clear_world

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WAITS = st.sampled_from([timedelta(seconds=1), 20 * timedelta(seconds=1), MINUTE, 16 * MINUTE, 2 * HOUR, DAY])
NEAR = st.sampled_from(
    [-timedelta(seconds=1), -timedelta(milliseconds=1), timedelta(0), timedelta(seconds=1)]
)
WEATHER = (
    "sts down",
    "sts refuses",
    "sts answers get lost",
    "sts requests get lost",
    "iam down",
    "iam answers get lost",
    "iam shows late",
    "iam is full",
    "probes are blind",
    "sign-in down",
)


# How many steps bad weather lasts: long enough to meet it, short enough to get something done.
BAD_SPELL = 4


class Killed(BaseException):
    """kill -9 in mid-call: nothing after it runs."""


class Story(RuleBasedStateMachine):
    """What time, AWS and the portal's own machinery do, in a world that `Lifecycle` has people act in."""

    grants = Bundle("grants")

    def __init__(self) -> None:
        super().__init__()
        clear_world()
        self.stack = ExitStack()
        self.clock = self.stack.enter_context(turned_clock())
        self.stack.enter_context(patch.object(engine, "READ_BACK_WAIT", 0.0))
        self.stack.enter_context(patch.object(outbox, "_wakers", []))
        # The same ids in each run: what fails once fails again.
        bits = Random(0)  # noqa: S311  # the same each time is the point
        self.stack.enter_context(patch.object(uuid, "os", SimpleNamespace(urandom=bits.randbytes)))
        self.aws = WatchedAws(now=self.clock.now)
        self.world = World()
        self.trail = Trail()
        self.ends: dict[UUID, datetime | None] = {}
        self.touched = self.quiet = False
        self.clears_up_at = 0
        self.view = self._view()
        self.steps = 0

    def teardown(self) -> None:
        try:
            self.come_to_rest()
            self.check()
            self.leap()
        finally:
            self.stack.close()

    # -- what the machinery does

    @rule()
    def sweep(self) -> None:
        self._sweep()
        if not is_held():
            promises.check_swept(self._view())

    @rule(dies=st.sampled_from([None, None, None, "before write", "after write", "after read"]))
    def work(self, dies: str | None) -> None:
        puts, held = self.aws.count("write"), is_held()
        with self._killed_at(dies):
            work_off(aws=self.aws.ports(), holder="worker")
        assert not held or self.aws.count("write") == puts, "AWS was written to in hold"

    def hold(self) -> None:
        self._try(lambda: enter_hold(reason="restored?", actor=SHELL))

    def let_go(self) -> None:
        if is_held():
            note_looked(at=self.clock.now())
            release_hold(reason="all is well", actor=SHELL)

    @rule(grant=grants, call=st.sampled_from(["read", "write"]))
    def revoke_amid_the_work(self, grant: UUID, call: str) -> None:
        """The document is being written when another of its grants ends."""
        todo = [lambda: revoke_grant(grant_id=grant, reason="now", actor=SHELL)]

        def amid() -> None:
            if todo:
                self._try(todo.pop())

        self.aws.after[call] = amid
        work_off(aws=self.aws.ports(), holder="worker")
        self.aws.after.clear()

    @rule()
    def prove(self) -> None:
        prove_revocations(aws=self.aws.ports())

    # -- what time and AWS do

    @rule(by=WAITS)
    def wait(self, by: timedelta) -> None:
        self.clock.turn(by)
        self.quiet = True

    @rule(grant=grants, by=NEAR)
    def wait_for_the_end(self, grant: UUID, by: timedelta) -> None:
        """Of the grant, or of its window where one is open."""
        found = self._grant(grant)
        end = found.usable_until(self.clock.at) or found.ends_at
        self.clock.turn_to(min(end, self.clock.at + 10 * DAY) + by)
        self.quiet = True

    @rule(grant=grants, by=NEAR)
    def wait_until_it_opens(self, grant: UUID, by: timedelta) -> None:
        coming = self._grant(grant).next_period(self.clock.at)
        if coming is not None:
            self.clock.turn_to(coming.starts_at + by)
        self.quiet = True

    @rule(weather=st.sampled_from(WEATHER))
    def turn_bad(self, weather: str) -> None:
        aws, self.clears_up_at = self.aws, self.steps + BAD_SPELL
        calls = ("assume_role", "get_federation_token", "unique_id")
        if weather.startswith("sts") and "requests" not in weather:
            faults = aws.lose_answer if "answers" in weather else aws.fail
            faults.update(dict.fromkeys(calls, DENIED if "refuses" in weather else UNAVAILABLE))
        elif weather in {"iam down", "iam answers get lost"}:
            faults = aws.fail if weather == "iam down" else aws.lose_answer
            faults.update(read=UNAVAILABLE, write=UNAVAILABLE)
        elif weather == "sign-in down":
            aws.lose_answer["sign_in_url"] = UNAVAILABLE
        aws.loses_requests |= weather == "sts requests get lost"
        aws.hidden_reads = 2 if weather == "iam shows late" else aws.hidden_reads
        aws.room = 1 if weather == "iam is full" else aws.room
        aws.blind = 3 if weather == "probes are blind" else aws.blind
        self.quiet = True

    @rule(which=st.integers(0, 50))
    def land(self, which: int) -> None:
        """A request to STS arrives that was given up for lost."""
        if self.aws.stragglers:
            self.aws.land(which)

    @rule(how=st.sampled_from(["all", "one", "older"]), which=st.integers(0, 50))
    def touch(self, how: str, which: int) -> None:
        """Somebody changes a deny in AWS by hand, or an older put lands late."""
        documents = self.aws.documents
        if not documents:
            return
        target: DenyTarget = list(documents)[which % len(documents)]
        standing = documents.pop(target)
        self.touched = True
        entries = sorted(standing.entries)
        older = [was for at, was in self.aws.written if at == target]
        if how == "one" and len(entries) > 1:
            del entries[which % len(entries)]
            documents[target] = type(standing)(frozenset(entries))
        elif how == "older" and older:
            documents[target] = older[which % len(older)]

    @rule()
    def come_to_rest(self) -> None:
        """AWS is healthy and two minutes pass in which the machinery works: all must be as it should."""
        self.let_go()
        self.aws.heal()
        for _ in range(2):
            self.clock.turn(timedelta(seconds=62))
            self._sweep()
            work_off(aws=self.aws.ports(), holder="worker")
            prove_revocations(aws=self.aws.ports(), batch=1000)
        self.touched = False
        promises.check_healed(self._view())

    def leap(self) -> None:
        """All ends, and the longest session dies."""
        self.clock.turn_to(max([BEGINNING, *Grant.objects.values_list("ends_at", flat=True)]))
        self._sweep()
        self.clock.turn(4 * DAY)
        self.come_to_rest()
        promises.check_empty(self._view())
        self.check()

    @invariant()
    def check(self) -> None:
        self.steps += 1
        if self.steps == self.clears_up_at:
            self.aws.heal()
        if self.quiet:  # the database is as it was
            self.view = replace(self.view, at=self.clock.at)
        else:
            self.view = self._view()
            self.trail.read()
            self.trail.compare()
        self.quiet = False
        promises.check_always(self.view, touched=self.touched)

    # -- how it is done

    def _view(self) -> View:
        return View.now(self.clock.at, self.aws)

    @staticmethod
    def _grant(pk: UUID) -> Grant:
        return Grant.objects.select_related("person__partner", "role__account").get(pk=pk)

    @staticmethod
    def _some_grant() -> UUID:
        return Grant.objects.order_by("made_at").values_list("pk", flat=True)[0]

    @staticmethod
    def _try(act: Callable[[], object]) -> bool:
        """Whether it was done, and not refused; anything else that is raised is a fault."""
        try:
            act()
        except DomainError:
            return False
        return True

    def _sweep(self) -> None:
        """What a round of the sweep does; nothing while the portal is in hold."""
        if is_held():
            return
        while expire_batch(batch=2).grants:
            pass
        while activate_batch(batch=2).grants:
            pass
        alarm_late_revocations(at=self.clock.now())

    @contextmanager
    def _killed_at(self, where: str | None) -> Iterator[None]:
        def die() -> None:
            raise Killed

        if where is not None:
            when, _, call = where.partition(" ")
            (self.aws.before if when == "before" else self.aws.after)[call] = die
        try:
            yield
        except Killed:
            pass
        finally:
            self.aws.before.clear()
            self.aws.after.clear()
