"""The state machine: hypothesis does to the real operations, on PostgreSQL, whatever people, time and AWS may do.

Each rule is one thing that happens. After each, `check` asks for all that security.md promises, and plays the audit
trail back. What is judged on the spot is in the rule: who was let in must have been, who was refused must have been.
"""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from portal.access.models import AwsSession, Grant
from portal.access.operations.credentials.console_links import make_console_link, use_console_link
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.credentials.open_console import open_console
from portal.access.operations.cutting.cut_sessions import cut_sessions
from portal.access.operations.grants.deactivate_person import deactivate_person, reactivate_person
from portal.access.operations.grants.extend_grant import extend_grant
from portal.access.operations.grants.make_grant import GrantOrder, WindowOrder, make_grant
from portal.access.operations.grants.release_grant import release_grant
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.operations.partners.suspend_partner import resume_partner, suspend_partner
from portal.access.operations.running.hold import is_held
from portal.directory.models import ExternalIdentity, Person
from portal.kernel.errors import DomainError
from tests.fakes import CONSOLE
from tests.integration.lifecycle.story import DAY, HOUR, MINUTE, Killed, Story
from tests.integration.lifecycle.world import SHELL

WINDOWS = (
    None,
    None,
    WindowOrder((1, 2, 3, 4, 5), time(8), time(18), "Europe/Berlin"),
    WindowOrder((5, 6, 7), time(22), time(2), "America/New_York"),
)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
LENGTHS = st.sampled_from([MINUTE, 10 * MINUTE, HOUR, 8 * HOUR, 3 * DAY])
ENDINGS = ("revoke", "let run out", "release", "leave", "suspend", "end", "sweep")
MEANWHILE = ("nothing", "nothing", "extend", "hold", "word ends", *ENDINGS)


class Lifecycle(Story):
    """What people do, and what is issued to them."""

    grants = Story.grants

    # -- what people do

    @initialize(target=grants)
    def begin(self) -> UUID:
        return self._give(0, 0, 8 * HOUR).pk

    @initialize(target=grants)
    def begin_short(self) -> UUID:
        """Its sessions outlive it at STS, as every one of a grant's last quarter of an hour does."""
        return self._give(1, 0, 10 * MINUTE).pk

    @initialize(target=grants)
    def begin_windowed(self) -> UUID:
        return self._give(0, 1, 3 * DAY, window=WINDOWS[-2]).pk

    @rule(
        target=grants,
        person=st.integers(0, 3),
        role=st.sampled_from([0, 0, 0, 1, 1, 2, 3]),
        length=LENGTHS,
        starts_in=st.sampled_from([timedelta(0), timedelta(0), timedelta(0), 5 * MINUTE, DAY]),
        window=st.sampled_from(WINDOWS),
    )
    def give(self, person: int, role: int, length: timedelta, starts_in: timedelta, window: Any) -> Any:
        try:
            return self._give(person, role, length, starts_in, window).pk
        except DomainError:
            return self._some_grant()

    @rule(grant=grants, by=st.sampled_from([-HOUR, MINUTE, HOUR, DAY]))
    def extend(self, grant: UUID, by: timedelta) -> None:
        before = self._grant(grant)
        over = before.ended_at is not None or self.clock.at >= before.ends_at
        sessions = dict(AwsSession.objects.filter(grant=grant).values_list("pk", "ends_at"))
        if self._try(
            lambda: extend_grant(
                grant_id=grant,
                ends_at=before.ends_at + by,
                reason="longer",
                aws=self.aws.ports(),
                actor=SHELL,
            )
        ):
            assert not over, f"a grant that was over ({before.state}) was extended"
            assert by > timedelta(0), "an extension made it shorter"
        assert dict(AwsSession.objects.filter(grant=grant).values_list("pk", "ends_at")) == sessions

    @rule(grant=grants, cut=st.sampled_from([True, True, False]))
    def revoke(self, grant: UUID, cut: bool) -> None:
        self._end(grant, lambda: revoke_grant(grant_id=grant, reason="enough", actor=SHELL, cut=cut))

    @rule(grant=grants)
    def release(self, grant: UUID) -> None:
        holder = self.world.actor(self._grant(grant).holder)
        self._end(grant, lambda: release_grant(grant_id=grant, actor=holder))

    @rule(grant=grants)
    def cut(self, grant: UUID) -> None:
        before = self._grant(grant)
        if self._try(lambda: cut_sessions(grant_id=grant, reason="after all", actor=SHELL)):
            assert before.sessions_run_out

    @rule(person=st.integers(0, 3))
    def deactivate(self, person: int) -> None:
        who = self.world.people[person].pk
        self._try(lambda: deactivate_person(person_id=who, reason="left", actor=SHELL))

    @rule(person=st.integers(0, 3))
    def reactivate(self, person: int) -> None:
        who = self.world.people[person].pk
        self._try(lambda: reactivate_person(person_id=who, reason="back", actor=SHELL))

    @rule()
    def suspend(self) -> None:
        self._try(lambda: suspend_partner(partner_id=self.world.partner.pk, reason="pause", actor=SHELL))

    @rule()
    def resume(self) -> None:
        self._try(lambda: resume_partner(partner_id=self.world.partner.pk, reason="on", actor=SHELL))

    @rule(person=st.integers(0, 3))
    def sign_in(self, person: int) -> None:
        """The provider vouches for them anew."""
        identities = ExternalIdentity.objects.filter(person=self.world.people[person])
        identities.update(confirmed_at=self.clock.now(), gone_at=None, gone_why="")

    # -- what is issued

    @rule(which=st.integers(0, 20), how=st.sampled_from(ENDINGS))
    def issue_while_it_ends(self, which: int, how: str) -> None:
        """The race that must not be lost: it ends between the question to AWS and the answer's leaving."""
        self.issue(self._living(which), meanwhile=how, dies=False)

    @rule(which=st.integers(0, 20), how=st.sampled_from(ENDINGS))
    def extend_what_just_ended(self, which: int, how: str) -> None:
        grant = self._living(which)
        self._meanwhile(grant, how)
        self.extend(grant, by=HOUR)

    @rule(grant=grants)
    def hold_for_a_while(self, grant: UUID) -> None:
        """Nothing is issued and nothing written in AWS, until an operator has looked."""
        self.hold()
        self.issue(grant, meanwhile="nothing", dies=False)
        self.work(dies=None)
        self.let_go()

    @rule(which=st.integers(0, 20), how=st.sampled_from(MEANWHILE), works=st.booleans())
    def live_and_end(self, which: int, how: str, works: bool) -> None:
        """A whole life: it opens, something is issued, it ends so or so, and the machinery sees to it."""
        grant = self._living(which)
        if not self._grant(grant).is_open(self.clock.at):
            self.wait_until_it_opens(grant, by=MINUTE)
            self.quiet = False
        self.issue(grant, meanwhile="nothing", dies=False)
        self._meanwhile(grant, how)
        self._sweep()
        if works:
            self.work(dies=None)
        self.let_go()

    @rule(grant=grants, meanwhile=st.sampled_from(MEANWHILE), dies=st.sampled_from([False] * 9 + [True]))
    def issue(self, grant: UUID, meanwhile: str, dies: bool) -> None:
        actor = self.world.actor(self._grant(grant).holder)
        self._issue(
            grant,
            meanwhile,
            dies=dies,
            act=lambda: issue_credentials(grant_id=grant, aws=self.aws.ports(), actor=actor),
        )

    @rule(grant=grants, meanwhile=st.sampled_from(MEANWHILE))
    def open_the_console(self, grant: UUID, meanwhile: str) -> None:
        actor = self.world.actor(self._grant(grant).holder)
        self._issue(
            grant,
            meanwhile,
            dies=False,
            act=lambda: open_console(
                grant_id=grant, destination=CONSOLE, issuer="x", aws=self.aws.ports(), actor=actor
            ),
        )

    @rule(grant=grants, meanwhile=st.sampled_from(MEANWHILE))
    def click_a_link(self, grant: UUID, meanwhile: str) -> None:
        """Make a link; something happens before the click."""
        actor = self.world.actor(self._grant(grant).holder)
        made: list[str] = []

        def make() -> None:
            link = make_console_link(grant_id=grant, destination=CONSOLE, aws=self.aws.ports(), actor=actor)
            made.append(link.token)

        if self._try(make):
            self._meanwhile(grant, meanwhile)
            click = lambda: use_console_link(  # noqa: E731  # used once
                token=made[0], issuer="x", aws=self.aws.ports(), actor=actor
            )
            self._issue(grant, "nothing", dies=False, act=click, may_fail=meanwhile != "nothing")
            self.let_go()

    # -- how it is done

    def _give(
        self,
        person: int,
        role: int,
        length: timedelta,
        starts_in: timedelta = timedelta(0),
        window: WindowOrder | None = None,
    ) -> Grant:
        is_federated = role == 3
        order = GrantOrder(
            person_id=self.world.people[person].pk,
            role_id=self.world.roles[role].pk,
            starts_at=self.clock.at + starts_in if starts_in else None,
            ends_at=self.clock.at + starts_in + length + timedelta(seconds=1),
            reason="work",
            window=window,
            accepts_no_kill_switch=True,
            scope_template_id=self.world.template.pk if is_federated else None,
        )
        return make_grant(order=order, aws=self.aws.ports(), actor=SHELL)

    @staticmethod
    def _living(which: int) -> UUID:
        """One that lives, if any does: by its age, so that it is the same each time."""
        found = list(Grant.objects.order_by("made_at").values_list("pk", "ended_at"))
        living = [pk for pk, ended_at in found if ended_at is None] or [pk for pk, _ in found]
        return living[which % len(living)]

    def _end(self, grant: UUID, act: Callable[[], object]) -> None:
        was_living = self._grant(grant).ended_at is None
        assert self._try(act) == was_living, "what lives can be ended, and what has ended can't"

    def _issue(
        self, grant: UUID, meanwhile: str, *, dies: bool, act: Callable[[], object], may_fail: bool = False
    ) -> None:
        before, word = self._grant(grant), self._word(grant)
        welcome = meanwhile == "nothing" and not dies and not may_fail and self._is_welcome(before)
        for call in ("assume_role", "get_federation_token"):
            self.aws.after[call] = lambda: self._amid(grant, meanwhile, dies=dies)
        handed_out = False
        try:
            handed_out = self._try(act)
        except Killed:
            welcome = False
        finally:
            self.aws.after.clear()
        after, was_held = self._grant(grant), is_held()
        if meanwhile == "hold":
            self.let_go()
        if handed_out:
            assert after.ended_at is None, f"handed out after the cut-off ({after.state})"
            assert not was_held, "handed out in hold"
            assert self.clock.at <= after.ends_at + timedelta(seconds=1), "handed out after the end"
            last = AwsSession.objects.filter(grant=grant, state="got").latest("asked_at")
            assert last.ends_at == self.aws.minted[-1].ends_at, "the row's end isn't the policy's"
            assert last.ends_at <= min(word, self._word(grant)), "outlives what the provider said"
            self._check_fresh(after, last, word)
        assert handed_out or not welcome, "who may be let in was refused"

    def _check_fresh(self, grant: Grant, session: AwsSession, word: datetime) -> None:
        """What was issued now may be used until the grant's end as it was when it was asked for, or its window's.

        Or as long as the provider's word for its person counts.
        """
        assert session.ends_at is not None
        if grant.window is None and grant.holder.partner is None:
            end = min(self.ends.get(grant.pk) or grant.ends_at, word.replace(microsecond=0))
            assert session.ends_at == end, "not until the grant's end"

    @staticmethod
    def _word(grant: UUID) -> datetime:
        """Until when the provider's word for the grant's person counts, by the rows themselves."""
        said = ExternalIdentity.objects.select_related("provider").get(person__grants=grant)
        if said.gone_at is not None or said.confirmed_at is None:
            return NEVER
        return said.confirmed_at + timedelta(hours=said.provider.max_age_hours)

    def _is_welcome(self, grant: Grant) -> bool:
        """Whether nothing stands against issuing: the person and the grant are in order, and AWS is healthy."""
        aws, partner = self.aws, grant.holder.partner
        healthy = not (aws.fail or aws.lose_answer or aws.loses_requests)
        in_order = grant.holder.is_active and (partner is None or partner.suspended_at is None)
        soon = self.clock.at + timedelta(seconds=1)
        always = grant.window is None and grant.starts_at <= self.clock.at and soon < grant.ends_at
        contract = partner is None or soon < partner.contract_ends_at
        vouched = soon < self._word(grant.pk)
        return (
            healthy
            and in_order
            and always
            and contract
            and vouched
            and grant.ended_at is None
            and not is_held()
        )

    def _amid(self, grant: UUID, meanwhile: str, *, dies: bool) -> None:
        self.ends[grant] = self._grant(grant).ends_at
        self._meanwhile(grant, meanwhile)
        if dies:
            raise Killed

    def _meanwhile(self, grant: UUID, what: str) -> None:
        person: Person = self._grant(grant).holder
        if what in {"revoke", "let run out"}:
            self._try(lambda: revoke_grant(grant_id=grant, reason="now", actor=SHELL, cut=what == "revoke"))
        elif what == "release":
            self._try(lambda: release_grant(grant_id=grant, actor=self.world.actor(person)))
        elif what == "leave":
            self._try(lambda: deactivate_person(person_id=person.pk, reason="left", actor=SHELL))
        elif what == "suspend":
            self.suspend()
        elif what in {"end", "sweep"}:
            self.clock.turn_to(min(self._grant(grant).ends_at, self.clock.at + DAY))
            if what == "sweep":
                self._sweep()
        elif what == "hold":
            self.hold()
        elif what == "word ends":
            identities = ExternalIdentity.objects.filter(person=person)
            identities.update(gone_at=self.clock.now(), gone_why="gone")
        elif what == "extend":
            self.extend(grant, by=HOUR)
