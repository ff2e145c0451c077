"""What the pages say about time, and credentials that survive being pasted."""

import configparser
import json
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import botocore.session
import pytest

from brokers.types import Credentials
from portal.web import presenters
from portal.web.presenters import AccountLabel, GrantCard

NOW = datetime(2025, 11, 20, 13, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SECRET = "wJalr'XUtn\"FEMI$(id)`id`\\K7MD;ENG%bPx 'RfiC"
CREDENTIALS = Credentials("ASIAEXAMPLE", SECRET, "IQoJ/+token==", NOW + HOUR)


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (-SECOND, "0 s"),
        (59.9 * SECOND, "59 s"),
        (MINUTE, "1 min 00 s"),
        (5 * MINUTE - SECOND, "4 min 59 s"),
        (5 * MINUTE, "5 min"),
        (HOUR - SECOND, "59 min"),
        (HOUR, "1 h"),
        (3 * HOUR + 5 * MINUTE, "3 h 05 min"),
        (2 * DAY - SECOND, "47 h 59 min"),
        (2 * DAY, "2 days"),
        (3 * DAY - SECOND, "2 days"),
    ],
)
def test_what_is_left_is_rounded_down(left: timedelta, words: str) -> None:
    assert presenters.left_words(left) == words


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (datetime(2025, 11, 20, 14, 30, tzinfo=UTC), "today 15:30"),
        (datetime(2025, 11, 20, 23, 30, tzinfo=UTC), "tomorrow 00:30"),
        (datetime(2025, 11, 19, 22, 59, tzinfo=UTC), "yesterday 23:59"),
        (datetime(2025, 11, 24, 8, 0, tzinfo=UTC), "Mon 24 Nov 09:00"),
        (datetime(2026, 1, 2, 8, 0, tzinfo=UTC), "2 Jan 2026 09:00"),
    ],
)
def test_days_are_the_readers_own(at: datetime, words: str) -> None:
    assert presenters.day_words(at, now=NOW, zone=BERLIN) == words


@pytest.mark.parametrize(
    ("zone", "exact"),
    [
        ("UTC", "Thu 20 Nov 2025, 23:30:05 UTC"),
        ("Europe/Berlin", "Fri 21 Nov 2025, 00:30:05 CET (Thu 20 Nov, 23:30:05 UTC)"),
        ("America/Sao_Paulo", "Thu 20 Nov 2025, 20:30:05 UTC-03 (23:30:05 UTC)"),
    ],
)
def test_the_exact_time_names_its_zone_and_utc(zone: str, exact: str) -> None:
    at = datetime(2025, 11, 20, 23, 30, 5, tzinfo=UTC)
    assert presenters.moment(at, now=NOW, zone=ZoneInfo(zone)).exact == exact


def test_the_hour_that_comes_twice_is_told_apart() -> None:
    first, second = (datetime(2025, 10, 26, hour, 30, tzinfo=UTC) for hour in (0, 1))
    clocks = [presenters.moment(at, now=first, zone=BERLIN).clock for at in (first, second)]
    assert clocks == ["02:30 CEST", "02:30 CET"]


def test_the_clock_says_the_day_unless_it_is_today() -> None:
    clocks = [presenters.moment(NOW + later, now=NOW, zone=BERLIN).clock for later in (HOUR, 4 * DAY)]
    assert clocks == ["15:00 CET", "Mon 24 Nov 14:00 CET"]


@pytest.mark.parametrize(
    ("starts", "ends", "kind", "words", "percent", "soon"),
    [
        (-HOUR, HOUR, "ends", "ends in 1 h", 50, False),
        (-HOUR, 10 * MINUTE, "ends", "ends in 10 min", 14, True),
        (0 * HOUR, 3 * DAY, "ends", "ends in 3 days", 100, False),
        (SECOND, HOUR, "starts", "starts in 1 s", 100, False),
        (20 * HOUR, 30 * HOUR, "starts", "starts tomorrow 10:00", 100, False),
        (-HOUR, 0 * HOUR, "ended", "ended 0 s ago", 0, False),
        (-DAY, -HOUR, "ended", "ended today 13:00", 0, False),
    ],
)
def test_a_period_is_half_open(  # noqa: PLR0917 - one column of the table each
    starts: timedelta, ends: timedelta, kind: str, words: str, percent: int, soon: bool
) -> None:
    told = presenters.countdown(NOW + starts, NOW + ends, now=NOW, zone=BERLIN)
    assert (told.kind, told.words, told.percent_left, told.soon) == (kind, words, percent, soon)


def card(key: str, starts: timedelta, ends: timedelta, *, now: datetime = NOW) -> GrantCard:
    return GrantCard(
        id=key,
        role_name="Log reader",
        role_description="Look at logs.",
        account=AccountLabel("Production", "444455556666"),
        scope="Everything the role allows",
        countdown=presenters.countdown(NOW + starts, NOW + ends, now=now, zone=BERLIN),
        badge=presenters.badge("active"),
        granted_by="Marta",
        reason="On call",
        explanation="By AssumeRole.",
    )


def test_my_access_puts_what_ends_next_first() -> None:
    cards = [
        card("long", -HOUR, 5 * HOUR),
        card("short", -HOUR, MINUTE),
        card("week", 7 * DAY, 8 * DAY),
        card("tomorrow", DAY, 2 * DAY),
        card("old", -3 * DAY, -2 * DAY),
        card("fresh", -HOUR, -MINUTE),
    ]
    page = presenters.my_access(cards)
    order = [[c.id for c in part] for part in (page.active, page.later, page.ended)]
    assert order == [["short", "long"], ["tomorrow", "week"], ["fresh", "old"]]


def test_the_fingerprint_changes_with_the_grants_and_not_with_the_time() -> None:
    one = presenters.my_access([card("a", -HOUR, HOUR)]).fingerprint
    assert presenters.my_access([card("a", -HOUR, HOUR, now=NOW + MINUTE)]).fingerprint == one
    different = {
        presenters.my_access([]).fingerprint,
        presenters.my_access([card("b", -HOUR, HOUR)]).fingerprint,
        presenters.my_access([card("a", -HOUR, 2 * HOUR)]).fingerprint,
        presenters.my_access([card("a", -HOUR, HOUR, now=NOW + HOUR)]).fingerprint,
        presenters.my_access([replace(card("a", -HOUR, HOUR), console_allowed=False)]).fingerprint,
        presenters.my_access([replace(card("a", -HOUR, HOUR), reason="Other")]).fingerprint,
    }
    assert len(different | {one}) == 7


def test_an_unknown_state_still_has_a_word() -> None:
    assert presenters.badge("waiting_for_review").word == "Waiting for review"


def test_bash_gets_every_character_back() -> None:
    text = presenters.bash_exports(CREDENTIALS, region="eu-central-1", endpoint_url="http://localhost:4566")
    script = (
        text
        + 'printf "%s\\n" "$AWS_SECRET_ACCESS_KEY" "$AWS_SESSION_TOKEN" "$AWS_ENDPOINT_URL" "$AWS_REGION"'
    )
    run = subprocess.run(
        [shutil.which("bash") or "sh", "-c", script], capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines() == [SECRET, "IQoJ/+token==", "http://localhost:4566", "eu-central-1"]


def test_bash_says_when_the_credentials_expire_and_no_region_unless_given() -> None:
    text = presenters.bash_exports(CREDENTIALS)
    assert "export AWS_CREDENTIAL_EXPIRATION='2025-11-20T14:00:00Z'\n" in text
    assert "AWS_REGION" not in text
    assert "AWS_ENDPOINT_URL" not in text


def test_powershell_doubles_every_quote_it_knows() -> None:
    text = presenters.powershell_exports(replace(CREDENTIALS, secret_access_key="a'b\u2019c$d`e"))
    assert "$Env:AWS_SECRET_ACCESS_KEY = 'a''b\u2019\u2019c$d`e'\n" in text


def test_the_profile_is_read_by_an_unmodified_botocore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    text = presenters.profile_section(
        CREDENTIALS, profile="log-reader", region="eu-central-1", endpoint_url="http://localhost:4566"
    )
    (tmp_path / "credentials").write_text(text)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    session = botocore.session.Session(profile="log-reader")
    found = session.get_credentials()
    assert found is not None
    assert (found.access_key, found.secret_key, found.token) == ("ASIAEXAMPLE", SECRET, "IQoJ/+token==")
    client = session.create_client("sts")
    assert (client.meta.region_name, client.meta.endpoint_url) == ("eu-central-1", "http://localhost:4566")


@pytest.mark.parametrize("profile", ["", "a b", "a]\n[default", "a]"])
def test_a_profile_name_cannot_leave_its_brackets(profile: str) -> None:
    with pytest.raises(ValueError, match="profile name"):
        presenters.profile_section(CREDENTIALS, profile=profile)


@pytest.mark.parametrize("secret", ["a\nrm -rf ~", "a\rb", "a\x1b[2J", "a\x00"])
def test_nothing_that_ends_a_line_is_offered_for_pasting(secret: str) -> None:
    hostile = replace(CREDENTIALS, session_token=secret)
    for make in (presenters.bash_exports, presenters.powershell_exports):
        with pytest.raises(ValueError, match="control character"):
            make(hostile)
    with pytest.raises(ValueError, match="control character"):
        presenters.profile_section(hostile, profile="p")


def test_json_is_what_credential_process_speaks() -> None:
    assert json.loads(presenters.process_json(CREDENTIALS)) == {
        "Version": 1,
        "AccessKeyId": "ASIAEXAMPLE",
        "SecretAccessKey": SECRET,
        "SessionToken": "IQoJ/+token==",
        "Expiration": "2025-11-20T14:00:00Z",
    }


def test_the_four_formats_come_in_order_and_show_no_secret_in_repr() -> None:
    formats = presenters.snippets(CREDENTIALS, profile="log-reader", region="eu-central-1")
    assert [snippet.key for snippet in formats] == ["bash", "powershell", "profile", "json"]
    assert "IQoJ" not in repr(formats)
    section = configparser.RawConfigParser()
    section.read_string(formats[2].text)
    assert section["log-reader"]["region"] == "eu-central-1"


@pytest.mark.parametrize(
    ("number", "grouped"),
    [("111122223333", "1111-2222-3333"), ("1111", "1111"), ("11112222333x", "11112222333x")],
)
def test_account_numbers_are_grouped(number: str, grouped: str) -> None:
    assert AccountLabel("Production", number).grouped == grouped
