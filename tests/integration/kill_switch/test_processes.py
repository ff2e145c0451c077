"""Races between processes on PostgreSQL, judged by a stand-in that refuses: nothing leaves after the cut-off."""

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections

from brokers.types import Credentials
from portal.access.models import AwsSession, DenyDocument, Grant, Revocation
from portal.access.operations.cutting.work_off import work_off
from portal.audit.models import AuditEvent
from portal.kernel.clock import database_now
from tests.integration.jobs.plant import ROOT
from tests.integration.kill_switch.house import House, build_ports, on_a_role
from tests.servers.aws_outcome import ALLOWED, DENIED
from tests.servers.holding_proxy import Answer, Call, HoldingProxy, holding_proxy
from tests.servers.sandbox import Sandbox
from tests.servers.signed_calls import SignedCalls

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("kill switch"),
]
PROCESSES, TRIES = 16, 300


def test_no_process_hands_out_after_the_cut_off(
    stand_in: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    house = on_a_role(stand_in, build_ports(stand_in), "DataAnalyst")
    house.issue(1)
    [neighbour] = house.sessions.values()
    grants = {str(grant.pk): grant for grant in grants_of(house, TRIES)}
    found = race(stand_in, "issue", grants=[*grants], person=str(house.person.pk), processes=PROCESSES)
    outcomes = Counter(each["outcome"] for each in found)
    assert sum(outcomes.values()) == TRIES
    assert outcomes.keys() == {"handed out", "conflict"}, outcomes
    check_by_the_trail({each["grant"] for each in found if each["outcome"] == "handed out"})
    work_off(aws=house.aws, holder="after")
    made = {each["grant"]: credentials_of(each["made"]) for each in found if each["made"]}
    calls = SignedCalls(stand_in.ministack_url)
    assert set(calls.all_say(made).values()) == {DENIED}
    assert calls.says(neighbour) == ALLOWED
    in_flight = len(made) - outcomes["handed out"]
    assert in_flight > 0, "no race took place"
    with capsys.disabled():
        sys.stdout.write(
            f"\n{PROCESSES} processes issuing, {PROCESSES} revoking, {TRIES} tries: {dict(outcomes)}, 0 handed out "
            f"after the cut-off; {in_flight} minted in flight, all {len(made)} denied by the stand-in\n"
        )


def check_by_the_trail(handed_out: set[str]) -> None:
    """By the database's times: the audit row of each issue is older than its grant's end, and there is no other."""
    revoked = Grant.objects.filter(state="revoked").values_list("pk", "ended_at")
    ended = {str(pk): at for pk, at in revoked if at is not None}
    assert len(ended) == TRIES
    issued = AuditEvent.objects.filter(type="access.session.issued", grant_id__in=list(ended))
    by_grant = {str(grant): at for grant, at in issued.values_list("grant_id", "at")}
    assert by_grant.keys() == handed_out
    late = [grant for grant, at in by_grant.items() if at >= ended[grant]]
    assert late == [], "handed out after the cut-off"
    got = AwsSession.objects.filter(state="got", grant__in=list(ended)).values_list("grant_id", flat=True)
    assert {str(grant) for grant in got} == handed_out


def test_a_put_that_lands_late_loses_no_entry(stand_in: Sandbox) -> None:
    house = on_a_role(stand_in, build_ports(stand_in), "ProductionReadOnly")
    house.issue(PROCESSES + 1)
    neighbour, *revoked = house.sessions
    with holding_proxy(int(stand_in.endpoint_url.rpartition(":")[2])) as proxy:
        late = LatePut(house)
        proxy.rule("PutRolePolicy", late)
        helper = threading.Thread(target=late.overtake, daemon=True)
        helper.start()
        race(stand_in, "revoke", url=proxy.url, grants=[str(grant) for grant in revoked], processes=PROCESSES)
        helper.join(60)
    assert late.landed_over is not None, "no put landed late"
    assert late.landed_over < PROCESSES, "what landed late was to be older"
    # The next tick of the schedule finds what the late put took away.
    work_off(aws=house.aws, holder="next tick")
    rows = Revocation.objects.filter(grant__in=revoked)
    assert Counter(rows.values_list("state", flat=True)) == {"applied": PROCESSES}
    named = {userid for row in rows for userid in row.userids}
    assert house.aws.deny.read(house.target).entries == named
    assert len(named) == PROCESSES
    applied = AuditEvent.objects.filter(type="access.revocation.applied", grant_id__in=revoked)
    assert applied.count() == PROCESSES
    answers = house.answers()
    assert {grant for grant, said in answers.items() if said == DENIED} == set(revoked)
    assert answers[neighbour] == ALLOWED


class LatePut:
    """The first put is held until others have written; then it lands over what they wrote."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.lock = threading.Lock()
        self.caught, self.go_on = threading.Event(), threading.Event()
        self.first = True
        self.landed_over: int | None = None

    def __call__(self, call: Call, proxy: HoldingProxy) -> Answer:
        with self.lock:
            is_first, self.first = self.first, False
        if not is_first:
            return proxy.forward(call)
        self.caught.set()
        self.go_on.wait(9)
        answer = proxy.forward(call)
        self.landed_over = len(self.house.aws.deny.read(self.house.target).entries)
        return answer

    def overtake(self) -> None:
        """Its worker's lease runs out (here: is moved on) while its put hangs; once all is written, let it land."""
        try:
            assert self.caught.wait(60)
            end = database_now() + timedelta(seconds=8)
            moved = False
            while database_now() < end and Revocation.objects.filter(applied_at=None).exists():
                waiting = Revocation.objects.count()
                if waiting == PROCESSES and not moved:
                    DenyDocument.objects.update(leased_until=database_now() - timedelta(seconds=1))
                    moved = True
                threading.Event().wait(0.05)
            self.go_on.set()
        finally:
            connections.close_all()


def grants_of(house: House, many: int) -> list[Grant]:
    now = database_now()
    return Grant.objects.bulk_create(
        Grant(
            person=house.person,
            role=house.role,
            starts_at=now - timedelta(hours=1),
            ends_at=(now + timedelta(hours=1)).replace(microsecond=0),
            state="active",
            reason="race",
            made_at=now,
            activated_at=now,
        )
        for _ in range(many)
    )


def race(stand_in: Sandbox, what: str, *, url: str | None = None, **order: Any) -> list[dict[str, Any]]:
    """Run it in processes of its own, on this test's database, and return what it found."""
    hub = stand_in.estate["hub"]
    place = os.environ["SALLYPORT_DATABASE_URL"].rpartition("/")[0]
    environment = {
        **os.environ,
        "SALLYPORT_DATABASE_URL": f"{place}/{connection.settings_dict['NAME']}",
        "SALLYPORT_SIMULATION": "tests",
        "SALLYPORT_AWS_ENDPOINT_URL": url or stand_in.endpoint_url,
        "SALLYPORT_HUB_ACCESS_KEY_ID": hub["access_key_id"],
        "SALLYPORT_HUB_SECRET_ACCESS_KEY": hub["secret_access_key"],
        "DJANGO_SETTINGS_MODULE": "portal.config.settings",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.kill_switch.race", what],
        input=json.dumps(order),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def credentials_of(keys: dict[str, str]) -> Credentials:
    return Credentials(
        keys["access_key_id"],
        keys["secret_access_key"],
        keys["session_token"],
        datetime.fromisoformat(keys["expires_at"]),
    )
