"""What a production start refuses, setting by setting; the processes themselves: tests/integration/jobs."""

from typing import Any

import pytest

from portal.config.checks import check_secure_start
from tests.servers.authority import Authority


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
