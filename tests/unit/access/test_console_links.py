"""What opening the console leaves behind, and what it asks of AWS: by a link as by the button."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from portal.access.models import AwsSession, ConsoleLink
from portal.access.operations.credentials import sts_budget
from portal.access.operations.credentials.console_links import make_console_link, use_console_link
from portal.access.operations.credentials.open_console import DESTINATION_LIMIT, open_console
from portal.audit.models import AuditEvent
from portal.directory.models import Person
from portal.kernel.errors import BusyError, InvalidError
from tests.fakes import CONSOLE, SIGN_IN_URL, FakeAws
from tests.world import as_actor

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


def opened(grant: Any, aws: FakeAws, person: Person, destination: str = CONSOLE) -> str:
    asked: dict[str, Any] = {"grant_id": grant.pk, "destination": destination, "issuer": "https://p.example"}
    return open_console(**asked, aws=aws.ports(), actor=as_actor(person)).sign_in.url


def test_a_link_leaves_a_row_where_it_is_made_and_one_where_it_is_used(
    make_grant: Make, ben: Person, aws: FakeAws
) -> None:
    grant = make_grant(ben)
    by: dict[str, Any] = {"aws": aws.ports(), "actor": as_actor(ben)}
    made = make_console_link(grant_id=grant.pk, destination=CONSOLE, **by)
    use_console_link(token=made.token, issuer="https://p.example", **by)
    rows = AuditEvent.objects.filter(type__startswith="access.console_link.").order_by("pk")
    assert [(row.type, row.grant_id, row.person_id, row.role_id, row.details) for row in rows] == [
        (f"access.console_link.{what}", grant.pk, ben.pk, grant.role_id, {"destination": CONSOLE})
        for what in ("made", "used")
    ]
    assert made.token not in str(list(ConsoleLink.objects.values()))
    assert made.token not in repr(made)


def test_it_takes_its_turn_as_every_call_does(
    make_grant: Make, ben: Person, aws: FakeAws, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STS_RATE, settings.STS_BURST = 0.001, 2
    monkeypatch.setattr(sts_budget, "PATIENCE", 0.0)
    grant = make_grant(ben)
    assert [opened(grant, aws, ben) for _ in range(2)] == [SIGN_IN_URL] * 2
    with pytest.raises(BusyError):
        opened(grant, aws, ben)
    assert AwsSession.objects.count() == 2


def test_an_address_has_a_longest_length(make_grant: Make, ben: Person, aws: FakeAws) -> None:
    grant = make_grant(ben)
    longest = CONSOLE + "s" * (DESTINATION_LIMIT - len(CONSOLE))
    with pytest.raises(InvalidError, match="2,000") as refused:
        opened(grant, aws, ben, f"{longest}s")
    assert refused.value.field == "destination"
    assert not AwsSession.objects.exists()
    assert opened(grant, aws, ben, longest) == SIGN_IN_URL


@pytest.mark.parametrize(
    ("method", "is_chained", "is_sent"),
    [("assume_role", False, True), ("assume_role", True, False), ("federation_token", False, False)],
)
def test_a_console_session_has_its_own_length_where_aws_takes_one(  # noqa: PLR0917  # fixtures
    make_role: Make,
    make_grant: Make,
    ben: Person,
    aws: FakeAws,
    template: Any,
    method: str,
    is_chained: bool,
    is_sent: bool,
) -> None:
    """Elsewhere AWS would refuse the whole sign-in for it."""
    aws.hub_is_chained = is_chained
    role = make_role("Console", method=method, requires_scope=True)
    template.roles.add(role)
    scope = {"scope_template_id": template.pk, "scope_parameters": {"bucket": "reports"}}
    grant = make_grant(ben, role=role, seconds=1800, **scope)
    opened(grant, aws, ben)
    [asked] = aws.asked("sign_in_url")
    assert bool(asked["session_duration"]) is is_sent
    if is_sent:
        assert asked["session_duration"] <= timedelta(seconds=1800)
