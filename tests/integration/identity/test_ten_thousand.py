"""10,000 people of an Active Directory (Samba): read and kept, then 50 disabled there; the others keep all."""

import resource
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from portal import wiring
from portal.access.models import Grant, Revocation
from portal.access.operations.cutting.work_off import work_off
from portal.directory.models import GroupMembership, IdentityProvider, Person, SyncRun
from portal.directory.operations.api_tokens import create_token, find_token
from portal.identity.identity_providers import as_ldap
from portal.identity.operations.ask_sync import ask_sync
from portal.identity.operations.sync_people import run_sync
from portal.kernel.actor import Actor
from tests.fakes import FakeAws
from tests.real_directories import admit_all, connect_directory
from tests.servers.samba import DISABLED, Samba, samba
from tests.sign_ins import browser_of
from tests.world import add_session, as_actor, make_grant, make_role

# Seeding takes a minute on an idle machine, and many on one that is busy.
pytestmark = [
    pytest.mark.services,
    pytest.mark.soak,
    pytest.mark.django_db,
    pytest.mark.timeout(1200),
]
PEOPLE, PART, GONE, TEAMS = 10_000, 1000, 50, 8
NAMES = [f"user{number:05d}" for number in range(PEOPLE)]
Make = Callable[..., Any]


@pytest.fixture(scope="module")
def domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    # Few: Samba takes long to link members.
    teams = {
        f"team{team}": [f"CN={name},OU=People" for name in NAMES[team * 50 :][:50]] for team in range(TEAMS)
    }
    whole = {"division": [f"CN={team},OU=Groups" for team in teams], "everybody": ["CN=division,OU=Groups"]}
    with samba(tmp_path_factory.mktemp("domain")) as running:
        running.stop()
        for first in range(0, PEOPLE, PART):
            running.seed(NAMES[first : first + PART])
        running.seed(groups={**teams, **whole})
        running.start()
        yield running


@dataclass
class Figures:
    """What a sync took."""

    run: SyncRun
    seconds: float
    statements: int
    peak_mb: float


@dataclass
class Access:
    """All that somebody can hold at once."""

    person: Person
    grant: Grant = field(init=False)
    browser: Client = field(init=False)
    token: str = field(init=False)

    def __post_init__(self) -> None:
        self.grant = make_grant(self.person, _role())
        add_session(self.grant)
        identity = self.person.identities.get()
        self.browser = browser_of(self.person, provider=identity.provider)
        made = create_token(name="t", scopes=["grants:read"], days=1, actor=as_actor(self.person))
        self.token = made.plain

    def doors(self) -> tuple[str, bool, bool]:
        """Return the grant's state, and whether the browser and the token still get in."""
        state = Grant.objects.get(pk=self.grant.pk).state
        return (
            state,
            self.browser.get("/tokens/").status_code == 200,
            find_token(plain=self.token) is not None,
        )


_roles: dict[str, Any] = {}


def _role() -> Any:
    return _roles["reader"]


def sync(provider: IdentityProvider) -> Figures:
    ask_sync(provider_id=provider.pk, actor=Actor.command("tests"))
    counted: list[int] = [0]

    def count(execute: Any, *arguments: Any) -> Any:
        counted[0] += 1
        return execute(*arguments)

    tracemalloc.start()
    before, began = tracemalloc.get_traced_memory()[0], time.monotonic()
    with connection.execute_wrapper(count):
        run = run_sync(ldap=wiring.ldap_ports())
    seconds, peak = time.monotonic() - began, tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert run is not None
    return Figures(run, seconds, counted[0], peak / 1e6)


def test_all_are_read_and_fifty_who_are_disabled_lose_all_within_a_minute(
    domain: Samba, aws: FakeAws, record_property: Callable[[str, object], None]
) -> None:
    office = connect_directory(domain.ldap_server(page_size=1000, timeout=30.0))
    told = {one.stable_id: one.login for one in wiring.ldap_ports().people(as_ldap(office))}
    admit_all(office, told)
    _roles["reader"] = make_role()
    first = sync(office)
    assert (first.run.state, first.run.gone) == ("done", 2), first.run.problem
    assert first.run.joined >= TEAMS * 50 * 3
    assert GroupMembership.objects.filter(group__name="everybody").count() == TEAMS * 50

    by_login = {
        one.identities.get().login: one
        for one in Person.objects.filter(identities__login__in=NAMES[: 2 * GONE])
    }
    access = {name: Access(by_login[name]) for name in NAMES[: 2 * GONE]}
    assert {one.doors() for one in access.values()} == {("active", True, True)}
    domain.set_on_people(NAMES[:GONE], userAccountControl=DISABLED)
    second = sync(office)
    # The portal has learned it: its own doors are shut, and AWS is to be told within the minute.
    began = time.monotonic()
    applied = work_off(aws=aws.ports(), holder="tests")
    took = time.monotonic() - began
    assert (second.run.state, second.run.gone, second.run.left) == ("done", GONE, 0), second.run.problem
    assert {access[name].doors() for name in NAMES[:GONE]} == {("suspended", False, False)}
    assert {access[name].doors() for name in NAMES[GONE : 2 * GONE]} == {("active", True, True)}
    assert applied
    grants = [access[name].grant.pk for name in NAMES[:GONE]]
    assert Revocation.objects.filter(grant__in=grants, state="applied").count() == GONE
    denied = {access[name].grant.pk for name in NAMES[:GONE]}
    assert Revocation.objects.exclude(grant__in=denied).count() == 0
    assert Person.objects.filter(is_active=False, identities__provider=office).count() == GONE + 2
    assert took < 60
    third = sync(office)
    assert (third.run.gone, third.run.joined, third.run.left, third.run.changed) == (0, 0, 0, 0)
    told_of = {
        name: f"{one.seconds:.1f} s, {one.statements} statements, peak {one.peak_mb:.0f} MB"
        for name, one in {"first": first, "fifty": second, "again": third}.items()
    }
    told_of["cut off after"] = f"{took:.1f} s"
    told_of["process"] = f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000:.0f} MB at most"
    record_property("figures", told_of)
    print(told_of)  # noqa: T201  # for whoever runs it by hand, with -s
    # A page or batch is some statements, whatever the number of people: no statement for each.
    assert third.statements < 100
    assert third.peak_mb < 60
