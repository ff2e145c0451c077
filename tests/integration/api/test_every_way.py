"""Every way to credentials: by the API to AWS's stand-in, used by boto3, ended by AWS, cut by the worker."""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from botocore.exceptions import ClientError

from portal import wiring
from portal.access.models import DenyDocument, Grant, Revocation
from portal.access.operations.cutting import deny_entries
from portal.audit.models import AuditEvent
from portal.directory.models import ApiToken
from portal.kernel.clock import database_now
from tests import proof_world
from tests.integration.api.calling import problem, send
from tests.integration.api.every_way import (
    ROOT,
    WAYS,
    House,
    Way,
    denies_taken_away,
    forged,
    make_house,
)
from tests.integration.api.mfa_devices import Devices, make_devices
from tests.integration.kill_switch.house import build_ports
from tests.servers.demo_idp import DemoIdp, demo_idp
from tests.servers.sandbox import Sandbox, sandbox

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("every way"),
    pytest.mark.timeout(240),
]
MINUTE = timedelta(minutes=1)
CARRIES_END = [way for way in WAYS.values() if way.name not in {"GetSessionToken", "Cognito, enhanced"}]
DOORS = [*((way, False) for way in WAYS.values()), *((way, True) for way in WAYS.values() if way.door)]
NAMES = [f"{way.name}{' by exchange' if by_exchange else ''}" for way, by_exchange in DOORS]
PROVED = [door for door in DOORS if door[0].door]


@pytest.fixture(scope="module")
def idp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoIdp]:
    with demo_idp(tmp_path_factory.mktemp("idp")) as running:
        yield running


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory, idp: DemoIdp) -> Iterator[Sandbox]:
    with sandbox(tmp_path_factory.mktemp("sandbox"), identity_provider=idp.base_url) as running:
        yield running


@pytest.fixture(scope="module")
def devices(stand_in: Sandbox) -> Devices:
    return make_devices(stand_in)


@pytest.fixture
def house(
    transactional_db: None,
    stand_in: Sandbox,
    idp: DemoIdp,
    devices: Devices,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[House]:
    """In place of the fake of this folder: the real brokers, against the stand-in, and the real readers of proofs."""
    ports, readers = build_ports(stand_in), proof_world.ports()
    monkeypatch.setattr(wiring, "aws_ports", lambda: ports)
    monkeypatch.setattr(wiring, "proof_ports", lambda: readers)
    with denies_taken_away():
        yield make_house(stand_in, idp, devices)


def got(house: House, way: Way, who: str, grant: str, *, by_exchange: bool) -> Any:
    return house.exchange(way, who) if by_exchange else house.ask(way, who, grant)


@pytest.mark.parametrize(("way", "by_exchange"), DOORS, ids=NAMES)
def test_it_is_given_used_and_cut_and_the_neighbour_goes_on(
    house: House, way: Way, by_exchange: bool
) -> None:
    grants = {who: house.give(way, who) for who in ("chidi", "ben")}
    asked = house.aws.calls(way.action, answered=True)
    cut, neighbour = (got(house, way, who, grant, by_exchange=by_exchange) for who, grant in grants.items())
    assert house.works(way, cut)
    assert house.works(way, neighbour)
    assert house.aws.calls(way.action, answered=True) >= asked + 2
    assert cut.json()["AccessKeyId"] != neighbour.json()["AccessKeyId"]
    assert house.told("chidi", grants["chidi"], "choice").json()["cut"] == way.key

    assert house.revoke(grants["chidi"])["state"] == "revoked"
    problem(in_vain(house, way, grants["chidi"]), 409, "conflict")
    [entry] = Revocation.objects.get().userids
    assert re.fullmatch(way.entry, entry), entry
    # The portal's own doors are shut; AWS lets it in until it has the deny.
    assert house.works(way, cut)
    assert house.work_off() == 1
    assert house.told("ada", grants["chidi"], "revocation").json()["state"] in {"applied", "proven"}
    assert not house.works(way, cut)
    assert house.works(way, neighbour)
    assert house.ask(way, "ben", grants["ben"], {}).json()["AccessKeyId"] == neighbour.json()["AccessKeyId"]

    new = house.give(way, "chidi")
    if "time" in way.key.lower():  # AWS would deny a new one for a minute, too
        refused = in_vain(house, way, new)
        problem(refused, 503, "busy")
        assert int(refused["Retry-After"]) in range(1, 68)
        told = house.told("chidi", new, "choice").json()["refused"]
        assert "were cut off a moment ago" in told
        assert "Try again from" in told
        assert house.told("ben", grants["ben"], "choice").json()["refused"] == ""
    else:
        assert house.works(way, house.ask(way, "chidi", new))


@pytest.mark.parametrize("name", ["AssumeRoleWithSAML", "Cognito, enhanced"])
def test_who_is_cut_again_has_one_deny_and_each_session_stays_denied(
    house: House, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The later time stands for the earlier; when the later is over, the earlier is in the document again."""
    monkeypatch.setattr(deny_entries, "CUT_MARGIN", timedelta(seconds=1))
    monkeypatch.setattr(deny_entries, "CLOCKS_APART", timedelta())
    way = WAYS[name]
    neighbour = house.ask(way, "ben", house.give(way, "ben"))
    cut, rows = [], []
    for _ in range(2):
        grant = house.give(way, "chidi")
        cut.append(house.ask(way, "chidi", grant))
        assert house.works(way, cut[-1])
        house.revoke(grant)
        assert house.work_off() == 1
        rows.append(Revocation.objects.get(grant=UUID(grant)))
        assert not house.works(way, cut[-1])
        time.sleep(3)
    document = rows[0].document

    def denied() -> frozenset[str]:
        return wiring.aws_ports().deny.read(document.target).entries

    assert [row.state for row in rows] == ["applied", "applied"]
    assert denied() == set(rows[1].userids) != set(rows[0].userids)
    new = house.ask(way, "chidi", house.give(way, "chidi"))
    assert [house.works(way, answer) for answer in (*cut, neighbour, new)] == [False, False, True, True]

    over = database_now() - timedelta(hours=1)
    Revocation.objects.filter(pk=rows[1].pk).update(covers_until=over, asked_at=over - MINUTE)
    DenyDocument.objects.update(recheck_at=over)
    house.work_off()
    assert denied() == set(rows[0].userids)
    # The second lives on in the stand-in, so that it shows which deny stands.
    assert [house.works(way, answer) for answer in (*cut, neighbour, new)] == [False, True, True, True]


def in_vain(house: House, way: Way, grant: str) -> Any:
    """Ask for what is refused before AWS hears of it: no code need be spent on it."""
    return house.ask(way, "chidi", grant, {"mfa_code": "123456"} if way.proof == "mfa_code" else None)


def test_aws_ends_on_the_second_what_carries_the_grants_end(house: House) -> None:
    grants = {way.name: {who: house.give(way, who) for who in ("chidi", "ben")} for way in CARRIES_END}
    ends_at = (database_now() + timedelta(seconds=25)).replace(microsecond=0)
    Grant.objects.filter(person=house.people["chidi"]).update(ends_at=ends_at)
    ending = {way.name: house.ask(way, "chidi", grants[way.name]["chidi"]) for way in CARRIES_END}
    lasting = {way.name: house.ask(way, "ben", grants[way.name]["ben"]) for way in CARRIES_END}
    assert all(house.works(way, ending[way.name]) for way in CARRIES_END)
    for answer in ending.values():
        told = answer.json()
        assert datetime.fromisoformat(told["WorksUntil"]) == ends_at
        assert datetime.fromisoformat(told["Expiration"]) > ends_at + 10 * MINUTE
    time.sleep(max(0.0, (ends_at - datetime.now(UTC)).total_seconds()) + 1)
    assert [way.name for way in CARRIES_END if house.works(way, ending[way.name])] == []
    assert all(house.works(way, lasting[way.name]) for way in CARRIES_END)
    assert not Revocation.objects.exists()


@pytest.mark.parametrize(
    ("name", "too_short", "enough", "words"),
    [
        ("GetSessionToken", 14 * MINUTE, 17 * MINUTE, "gives 15 minutes at least"),
        ("Cognito, enhanced", 59 * MINUTE, 62 * MINUTE, "gives 60 minutes at least"),
    ],
)
def test_what_carries_no_end_is_refused_where_it_would_outlive_the_grant(
    house: House, name: str, too_short: timedelta, enough: timedelta, words: str
) -> None:
    way = WAYS[name]
    short, long = house.give(way, "chidi", lasts=too_short), house.give(way, "ben", lasts=enough)
    asked = house.aws.calls(way.action)
    refused = problem(house.ask(way, "chidi", short), 409, "end_too_near")
    assert words in refused["detail"]
    assert "takes no policy" in refused["detail"]
    if way.door:
        problem(house.exchange(way, "chidi"), 409, "end_too_near")
    assert house.aws.calls(way.action) == asked
    choice = house.told("chidi", short, "choice").json()
    assert (choice["duration_seconds"], words in choice["refused"]) == (None, True)
    answer = house.ask(way, "ben", long)
    assert house.works(way, answer)
    told = answer.json()
    assert told["WorksUntil"] == told["Expiration"]
    assert datetime.fromisoformat(told["Expiration"]) <= datetime.fromisoformat(told["GrantEndsAt"])


def test_a_root_task_is_cut_by_nothing_and_the_portal_says_so(house: House) -> None:
    role, order = house.role(ROOT, "ben"), house.order(ROOT, "ben", 3 * MINUTE)
    refused = problem(send(house.clients["ada"], "post", "/api/v1/grants", order), 400, "invalid")
    assert [each["field"] for each in refused["errors"]] == ["accepts_no_kill_switch"]
    grant = house.give(ROOT, "ben", lasts=3 * MINUTE, accepts_no_kill_switch=True)
    asked = house.aws.calls("AssumeRoot")
    problem(house.ask(ROOT, "ben", grant), 403, "step_up_required")
    assert house.aws.calls("AssumeRoot") == asked
    ApiToken.objects.filter(person=house.people["ben"]).update(factor_at=database_now())
    answer = house.ask(ROOT, "ben", grant)
    assert answer.status_code == 201, answer.content
    told = answer.json()
    # For the time that is left, not for AWS's 15 minutes.
    assert datetime.fromisoformat(told["Expiration"]) <= datetime.fromisoformat(told["GrantEndsAt"])
    s3, iam = (house.aws.client(name, told) for name in ("s3", "iam"))
    sealed = {"Bucket": house.aws.estate["sealed_bucket"]["name"]}
    assert "Deny" in s3.get_bucket_policy(**sealed)["Policy"]
    with pytest.raises(ClientError):
        iam.list_roles()

    choice = house.told("ben", grant, "choice").json()
    assert (choice["cut"], choice["policy"]) == ("nothing", "task")
    assert choice["cut_why"].startswith("Nothing cuts it off")
    assert house.revoke(grant)["state"] == "revoked"
    assert house.work_off() == 0
    problem(house.told("ada", grant, "revocation"), 404, "not_found")
    ended = AuditEvent.objects.get(type="access.grant.revoked", grant_id=grant)
    assert ended.details["cuts_sessions"] is False
    # The doors are closed; what is out goes on until its own end.
    problem(house.ask(ROOT, "ben", grant), 409, "conflict")
    assert s3.get_bucket_policy(**sealed)["Policy"]
    assert not role.has_kill_switch


@pytest.mark.parametrize(
    ("way", "by_exchange"), PROVED, ids=[f"{way.name}{' by exchange' * by}" for way, by in PROVED]
)
def test_no_proof_but_ones_own_and_good_one_reaches_aws(house: House, way: Way, by_exchange: bool) -> None:
    grant = house.give(way, "chidi")
    own, bens = house.proof(way, "chidi"), house.proof(way, "ben")
    role = house.role(way, "chidi")
    kind = "saml" if way.proof == "assertion" else "oidc"
    bad = {
        f"{kind}.signature": forged(bens, of="ben", as_of="chidi"),
        "no_open_grant": bens,
        f"{kind}.malformed": {way.proof: "bm90aGluZw=="},
        "role_not_named" if kind == "saml" else "oidc.audience": _elsewhere(house, way),
    }
    actions = ("GetId", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "GetCredentialsForIdentity")
    asked = [house.aws.calls(action) for action in actions]
    for reason, proof in bad.items():
        if by_exchange:
            problem(house.exchange(way, "chidi", proof), 403, "proof_refused")
            noted = AuditEvent.objects.filter(type="access.proof.refused").latest("pk")
            assert noted.details["reason"] == reason
        else:
            problem(house.ask(way, "chidi", grant, proof), 403, "proof_refused")
    assert [house.aws.calls(action) for action in actions] == asked
    good = house.exchange(way, "chidi", own) if by_exchange else house.ask(way, "chidi", grant, own)
    assert house.works(way, good)
    if way.proof == "assertion":
        again = house.exchange(way, "chidi", own)
        problem(again, 403, "proof_refused")
    assert role.needs_proof


def _elsewhere(house: House, way: Way) -> dict[str, str]:
    """The person's own, by the same provider, and signed well: for another role, or another program."""
    if way.proof == "assertion":
        other = house.role(WAYS["AssumeRoleWithWebIdentity"], "chidi").arn
        provider = house.role(way, "chidi").provider_arn
        return {way.proof: house.idp.assertion("chidi", f"{other},{provider}")}
    return {way.proof: house.idp.id_token("chidi", "harbor-cameras")}


def test_a_wrong_code_opens_nothing_and_the_next_right_one_does(house: House) -> None:
    way = WAYS["GetSessionToken"]
    grant = house.give(way, "chidi")
    asked = house.aws.calls(way.action)
    problem(house.ask(way, "chidi", grant, {"mfa_code": "12ab"}), 400, "invalid")
    problem(house.ask(way, "chidi", grant, {}), 400, "proof_needed")
    assert house.aws.calls(way.action) == asked
    answered = house.aws.calls(way.action, answered=True)
    wrong = problem(house.ask(way, "chidi", grant, {"mfa_code": "000000"}), 403, "upstream")
    assert (wrong["upstream_code"], wrong["retryable"]) == ("aws.proof_refused", False)
    assert house.aws.calls(way.action, answered=True) == answered
    assert house.works(way, house.ask(way, "chidi", grant))
