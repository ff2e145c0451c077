"""Credentials as text: what a shell or an SDK makes of it is what was given."""

import json
import shlex
from datetime import UTC, datetime

from portal.cli.api import Credentials
from portal.cli.formats import fish_lines, formatted, powershell_lines, process_form
from portal.cli.grants import read_grant
from tests.unit.cli.conftest import Say
from tests.unit.cli.scripted_portal import SECRET, ScriptedPortal, grant

NASTY = {"A": "it's", "B": '$HOME `id` \\ "x"', "C": "\u2019;rm", "D": "a\\'b"}
FOUND = Credentials("ASIAEXAMPLE", SECRET, "token/+=", datetime(2099, 1, 1, 12, 30, tzinfo=UTC))
STAND_IN = {"endpoint_url": "http://127.0.0.1:4566", "region": "eu-central-1"}


def test_fish_and_powershell_quote_by_their_own_rules() -> None:
    assert fish_lines(NASTY).splitlines() == [
        "set -gx A 'it\\'s'",
        "set -gx B '$HOME `id` \\\\ \"x\"'",
        "set -gx C '\u2019;rm'",
        "set -gx D 'a\\\\\\'b'",
    ]
    assert powershell_lines(NASTY).splitlines()[:3] == [
        "$Env:A = 'it''s'",
        "$Env:B = '$HOME `id` \\ \"x\"'",
        "$Env:C = '\u2019\u2019;rm'",
    ]


def test_a_credential_process_prints_exactly_what_sdks_read() -> None:
    assert json.loads(process_form(FOUND)) == {
        "Version": 1,
        "AccessKeyId": "ASIAEXAMPLE",
        "SecretAccessKey": SECRET,
        "SessionToken": "token/+=",
        "Expiration": "2099-01-01T12:30:00Z",
    }


def test_a_stand_in_is_named_for_shells_where_there_is_one() -> None:
    plain, demo = read_grant(grant()), read_grant(grant(stand_in=STAND_IN))
    assert "ENDPOINT" not in formatted("env", FOUND, plain)
    lines = shlex.split(formatted("env", FOUND, demo).replace("export ", ""))
    assert "AWS_ENDPOINT_URL=http://127.0.0.1:4566" in lines
    assert "AWS_REGION=eu-central-1" in lines


def test_they_expire_with_the_grant_inside_them(say: Say, signed_in: ScriptedPortal) -> None:
    """WorksUntil is before AWS's own Expiration: programs must fetch anew by then."""
    told = json.loads(say("credentials", "data-analyst", "--format", "process").out)
    assert told["Expiration"] == "2098-12-31T23:00:00Z"
    assert SECRET not in repr(FOUND)
