"""The whole of scim2-tester, in process: what the portal announces and does holds to RFC 7643 and 7644."""

from collections import Counter
from collections.abc import Iterator

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from portal.directory.models import IdentityProvider
from portal.identity.operations.scim_tokens import create_scim_token
from portal.kernel.actor import Actor
from portal.scim.resources import base_url

pytestmark = [pytest.mark.django_db, pytest.mark.thorough]


@pytest.fixture
def _connections_stay() -> Iterator[None]:
    """As Django's own test client does: the test's transaction is on the connection that a request would close."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.usefixtures("_connections_stay")
def test_every_check_of_the_tester_passes() -> None:
    # Imported by the one worker that needs them: three seconds.
    from scim2_client.engines.wsgi import WSGISCIMClient  # noqa: PLC0415
    from scim2_tester import Status, check_server  # noqa: PLC0415

    provider = IdentityProvider.objects.create(slug="acme", name="Acme")
    made = create_scim_token(provider_id=provider.pk, name="tester", days=1, actor=Actor.command("tests"))
    client = WSGISCIMClient(
        WSGIHandler(),
        base_url=base_url("acme"),
        headers={"Authorization": f"Bearer {made.plain}"},
        environ={"wsgi.url_scheme": "http"},
    )

    results = check_server(client)

    failed = [result for result in results if result.status not in {Status.SUCCESS, Status.COMPLIANT}]
    assert not failed, "\n".join(f"{result.status} {result.title}: {result.reason}" for result in failed)
    counted = Counter(result.title for result in results)
    assert len(results) > 90, counted
    assert {"check_add_attribute", "check_remove_attribute", "check_replace_attribute"} <= set(counted)
