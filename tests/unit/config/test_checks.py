"""What a production start refuses, setting by setting; the processes themselves: tests/integration/jobs."""

import runpy
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from portal.config import checks
from portal.config.checks import check_secure_start
from tests.architecture.production_check import ROOT, production_environment
from tests.integration.jobs.test_insecure_start import INSECURE, NEIGHBOURS
from tests.servers.authority import Authority


@pytest.mark.parametrize(("number", "changes"), INSECURE.items())
def test_each_insecure_setting_is_the_one_that_is_found(number: str, changes: dict[str, str]) -> None:
    assert found_in(production_environment(**changes)) == {f"sallyport.{number}"}
    assert found_in(production_environment(**NEIGHBOURS.get(number, {}))) == set()


def found_in(environment: Mapping[str, str]) -> set[str | None]:
    """Read the settings anew, as a process with this environment would, and check those."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        read = runpy.run_path(str(ROOT / "portal/config/settings.py"))
        patch.setattr(checks, "settings", SimpleNamespace(**read))
        return {error.id for error in check_secure_start()}


@pytest.mark.parametrize(
    ("host", "also", "refused"),
    [
        ("localhost", ["localhost", "127.0.0.1", "[::1]"], False),
        ("localhost", ["localhost", "access.example.com"], True),
        ("access.example.com", ["localhost"], True),
    ],
)
def test_plain_http_answers_on_this_machine_alone(
    settings: Any, host: str, also: list[str], *, refused: bool
) -> None:
    settings.PORTAL_HOST, settings.ALLOWED_HOSTS = host, also
    for tls in (False, True):
        settings.TLS = tls
        found = {error.id for error in check_secure_start()}
        assert ("sallyport.E005" in found) is (refused and not tls)


@pytest.mark.parametrize(
    ("ca", "refused"), [("", False), ("rubbish", True), ("-----BEGIN CERTIFICATE-----", True)]
)
def test_authorities_that_can_not_be_read(settings: Any, ca: str, *, refused: bool) -> None:
    for given, expected in ((ca, refused), (Authority().certificate, False)):
        settings.IDENTITY_CA = given
        assert ("sallyport.E009" in {error.id for error in check_secure_start()}) is expected
