"""Names of grants: short, stable, and never two meant by one."""

from typing import Any

import pytest

from portal.cli.errors import RefusedError, WrongInputError
from portal.cli.grants import Grant, find_grant, names, read_grant, slug
from tests.unit.cli.conftest import Say
from tests.unit.cli.scripted_portal import ScriptedPortal, grant

FIRST, SECOND, THIRD = (f"{number * 8}-0000-4000-8000-000000000000" for number in "123")


def made(grant_id: str = FIRST, **changed: Any) -> Grant:
    return read_grant(grant(id=grant_id, **changed))


ANALYST = made()
READER = made(SECOND, title="Reader", arn="arn:aws:iam::333344445555:role/team/ReadOnly")
ELSEWHERE = made(THIRD, name="Meadow & Harbor Hub", account_id="111122223333")
ALL = [ANALYST, READER, ELSEWHERE]


def find(words: str, grants: list[Grant] | None = None, ended: list[Grant] | None = None) -> Grant:
    return find_grant(words, ALL if grants is None else grants, ended=lambda: ended or [])


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("harbor-data/data-analyst", ANALYST),
        ("Harbor-Data/Data-Analyst", ANALYST),
        ("333344445555/DataAnalyst", ANALYST),
        ("333344445555/data-analyst", ANALYST),
        ("reader", READER),
        ("ReadOnly", READER),
        ("meadow-harbor-hub/data-analyst", ELSEWHERE),
        (SECOND, READER),
        (SECOND[:8], READER),
        (f"harbor-data/reader.{SECOND[:8]}", READER),
    ],
)
def test_one_is_meant(words: str, meant: Grant) -> None:
    assert find(words) is meant


@pytest.mark.parametrize("words", ["data-analyst", "DataAnalyst", "Data analyst"])
def test_several_are_refused_with_the_choices(words: str) -> None:
    with pytest.raises(
        WrongInputError, match=r"each of: harbor-data/data-analyst, meadow-harbor-hub/data-analyst\."
    ):
        find(words)


def test_two_of_one_role_have_names_of_their_own() -> None:
    twin = made(SECOND)
    assert list(names([ANALYST, twin])) == [
        "harbor-data/data-analyst.11111111",
        "harbor-data/data-analyst.22222222",
    ]
    with pytest.raises(WrongInputError, match=r"each of: .*\.11111111, .*\.22222222\."):
        find("harbor-data/data-analyst", [ANALYST, twin])
    assert find("harbor-data/data-analyst.22222222", [ANALYST, twin]) is twin


def test_of_two_the_open_one_is_meant() -> None:
    later = made(SECOND, state="scheduled", open_until=None, opens_at="2098-01-01T00:00:00Z")
    assert find("data-analyst", [later, ANALYST]) is ANALYST
    assert find("data-analyst", [later]) is later


@pytest.mark.parametrize(
    "words", ["", "nothing", "harbor/data-analyst", "data", "1111111", "harbor-data/", "/"]
)
def test_none_is_meant(words: str) -> None:
    with pytest.raises(WrongInputError, match="Yours: harbor-data/data-analyst, harbor-data/reader"):
        find(words)


def test_one_that_is_over_says_so() -> None:
    over = made(state="revoked", open_until=None, end_reason="Left the project.")
    with pytest.raises(RefusedError, match=r"is over \(revoked, it was until .*\): Left the project\."):
        find("data-analyst", [READER], [over, READER])
    assert find("data-analyst", [ANALYST], [over]) is ANALYST


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("Chidi's own IAM user", "chidis-own-iam-user"),
        ("Meadow & Harbor Hub", "meadow-harbor-hub"),
        ("Über  München", "uber-munchen"),
        ("数据", ""),
        ("a_b-c", "a_b-c"),
    ],
)
def test_a_slug_is_the_portals(text: str, short: str) -> None:
    from django.utils.text import slugify  # noqa: PLC0415  # what the portal's own links are made by

    assert slug(text) == short == slugify(text)


def test_an_account_without_letters_goes_by_its_number() -> None:
    assert made(name="数据").name == "333344445555/data-analyst"


def test_what_a_server_says_cannot_steer_the_terminal(say: Say, signed_in: ScriptedPortal) -> None:
    from tests.unit.cli.scripted_portal import Said, page  # noqa: PLC0415

    signed_in.answers["GET /api/v1/grants"] = Said(
        body=page(grant(title="Red\x1b[31m\x07\nrm -rf", name="A\u202eB"))
    )
    ran = say("list")
    assert ran.code == 0
    assert len(ran.out.splitlines()) == 2
    assert not {"\x1b", "\x07", "\u202e"} & set(ran.out)


def test_all_pages_are_read_by_their_cursor_alone(say: Say, signed_in: ScriptedPortal) -> None:
    from tests.unit.cli.scripted_portal import Said, page  # noqa: PLC0415

    signed_in.answers["GET /api/v1/grants"] = [
        Said(body=page(grant(), following="http://elsewhere.example/api/v1/grants?cursor=abc&state=active")),
        Said(body=page(grant(id=SECOND, title="Reader"))),
        Said(body=page()),
    ]
    out = say("list").out
    assert "harbor-data/data-analyst" in out
    assert "harbor-data/reader" in out
    assert "cursor=abc" in signed_in.calls[1][1]
