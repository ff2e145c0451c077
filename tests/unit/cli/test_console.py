"""Where a console opens: by service and region, in the grant's own partition."""

import pytest

from portal.cli.commands.console import destination
from portal.cli.errors import WrongInputError
from portal.cli.grants import CONSOLES, read_grant
from portal.web.destinations import SERVICES
from tests.unit.cli.conftest import Say
from tests.unit.cli.scripted_portal import GRANT_ID, Said, ScriptedPortal, grant, page, problem

LINKS = f"POST /api/v1/grants/{GRANT_ID}/console-links"
GRANT = read_grant(grant())


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_where_the_portal_has_it(name: str) -> None:
    assert destination(GRANT, name, None) == f"https://console.aws.amazon.com/{SERVICES[name][1]}"


@pytest.mark.parametrize("partition", CONSOLES)
def test_it_is_in_the_grants_partition(partition: str) -> None:
    found = read_grant(grant(partition=partition))
    assert destination(found, "s3", "eu-central-1") == f"{CONSOLES[partition]}/s3/home?region=eu-central-1"
    assert destination(found, None, "eu-central-1").startswith(f"{CONSOLES[partition]}/console/home?region=")
    assert destination(found, None, None) == ""


@pytest.mark.parametrize(
    ("where", "region"),
    [
        ("S3 home", None),
        ("s3/../x", None),
        ("http://console.aws.amazon.com", None),
        ("s3", "moon"),
        ("s3", "eu-1&x=y"),
    ],
)
def test_what_is_neither_is_told(where: str, region: str | None) -> None:
    with pytest.raises(WrongInputError):
        destination(GRANT, where, region)


def test_an_address_is_the_portals_to_judge(say: Say, signed_in: ScriptedPortal) -> None:
    signed_in.answers[LINKS] = problem(400, "invalid", "That is not the console.")
    ran = say("console", "data-analyst", "--to", "https://evil.example/")
    assert (ran.code, ran.line) == (4, "That is not the console.")


def test_the_link_is_printed_where_there_is_no_browser(say: Say, signed_in: ScriptedPortal) -> None:
    signed_in.answers[LINKS] = Said(201, {"url": "https://portal.example/console/x", "expires_at": "…"})
    assert say("console", "data-analyst").out == "https://portal.example/console/x\n"
    signed_in.answers[LINKS] = Said(201, {"url": "javascript:alert(1)", "expires_at": "…"})
    assert say("console", "data-analyst").code == 5
    signed_in.answers["GET /api/v1/grants"] = Said(body=page(grant(allows_console=False)))
    assert say("console", "data-analyst").line == "Data analyst does not allow the console."
