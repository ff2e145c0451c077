"""The doctor's walk: it goes as far as can be seen, names what stops it, and ends with a command's exit code."""

import time
from email.utils import formatdate

import pytest

from tests.unit.cli.conftest import Ran, Say
from tests.unit.cli.scripted_portal import GRANT_ID, ME, Said, ScriptedPortal, grant, page, problem

ENDED = grant(state="revoked", open_until=None, end_reason="Left.")
STEP = {"name": "kill_switch", "verdict": "ok", "detail": "Fine.", "advice": "", "paste": ""}
ALL_SCOPES = ["grants:read", "credentials:issue", "console:open", "grants:take"]


@pytest.fixture
def well(signed_in: ScriptedPortal) -> ScriptedPortal:
    signed_in.answers["GET /api/v1/me"] = Said(body=ME | {"scopes": ALL_SCOPES})
    signed_in.answers[f"GET /api/v1/grants/{GRANT_ID}/doctor"] = Said(
        body={"grant": GRANT_ID, "steps": [STEP]}
    )
    return signed_in


def failed(ran: Ran) -> list[str]:
    assert ran.err == ""
    return [
        line.removeprefix("FAILED  ").partition(":")[0] for line in ran.out.splitlines() if "FAILED" in line
    ]


def test_all_is_well(say: Say, well: ScriptedPortal) -> None:
    ran = say("doctor", "data-analyst")
    assert (ran.code, failed(ran)) == (0, [])
    assert ran.out.splitlines()[-1] == "ok      kill switch: Fine."
    assert "maybe" not in ran.out


def test_nobody_said_which_portal(say: Say) -> None:
    ran = say("doctor")
    assert (ran.code, failed(ran)) == (2, ["portal"])


def test_a_grant_that_is_nobodys(say: Say, well: ScriptedPortal) -> None:
    ran = say("doctor", "nothing-of-mine")
    assert (ran.code, failed(ran)) == (2, ["grant"])
    assert "You have no grant nothing-of-mine" in ran.out


@pytest.mark.parametrize(
    "said", [Said(404, "<html>"), Said(502, ""), Said(hang_up=True)], ids=["404", "502", "gone"]
)
def test_a_portal_that_is_none(say: Say, well: ScriptedPortal, said: Said) -> None:
    well.answers["GET /healthz"] = said
    ran = say("doctor")
    assert (ran.code, failed(ran)) == (5, ["portal"])
    assert not [call for call in well.calls if "/api/" in call[0]]


@pytest.mark.parametrize(("seconds", "code"), [(-3600, 1), (3600, 1), (0, 0)])
def test_a_clock_that_is_off(say: Say, well: ScriptedPortal, seconds: float, code: int) -> None:
    well.answers["GET /healthz"] = Said(body="ok", headers={"Date": formatdate(time.time() + seconds)})
    ran = say("doctor")
    assert (ran.code, failed(ran)) == (code, ["clock"] if code else [])


def test_a_sign_in_that_is_over(say: Say, well: ScriptedPortal) -> None:
    well.answers["GET /api/v1/me"] = problem(401, "invalid_token", "Over.")
    ran = say("doctor")
    assert (ran.code, failed(ran)) == (3, ["sign-in"])


def test_a_token_that_may_not_all(say: Say, well: ScriptedPortal) -> None:
    well.answers["GET /api/v1/me"] = Said(body=ME)
    ran = say("doctor")
    assert ran.code == 0
    assert "maybe   scopes: this token can't get credentials (credentials:issue)" in ran.out


def test_a_grant_that_is_over_and_what_the_portal_says_of_it(say: Say, well: ScriptedPortal) -> None:
    well.answers["GET /api/v1/grants"] = [Said(body=page()), *[Said(body=page())] * 3, Said(body=page(ENDED))]
    well.answers[f"GET /api/v1/grants/{GRANT_ID}/doctor"] = Said(
        body={
            "grant": GRANT_ID,
            "steps": [STEP | {"verdict": "stopped", "detail": "It was revoked.", "advice": "Ask."}],
        }
    )
    ran = say("doctor", "data-analyst")
    assert ran.code == 4
    assert failed(ran) == ["grant", "kill switch"]
    assert "        Ask." in ran.out
    assert "revoked" in ran.out


def test_a_grant_that_nobody_has(say: Say, well: ScriptedPortal) -> None:
    ran = say("doctor", "other")
    assert ran.code == 2
    assert "You have no grant other." in ran.out
