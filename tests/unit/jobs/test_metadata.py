"""The schedule's half of refreshing metadata: what is due is found, and one that fails holds up no other."""

import pytest

from brokers.errors import IdentityUnavailable
from brokers.saml import MetadataReader, ServiceProvider, ServiceProviderConfig
from brokers.types import FetchedDocument
from portal.access.models import Alarm
from portal.config.settings import CELERY_BEAT_SCHEDULE
from portal.directory.models import IdentityProvider, SamlSettings
from portal.jobs import metadata
from portal.wiring import SamlPorts
from tests.saml_forge import ACS_URL, SP_ENTITY_ID, rsa_key
from tests.saml_forge.keys import key_until
from tests.saml_forge.metadata import Described

pytestmark = pytest.mark.django_db


def make(slug: str, described: Described) -> None:
    provider = IdentityProvider.objects.create(slug=slug, name=slug)
    SamlSettings.objects.create(
        provider=provider,
        entity_id=described.entity_id,
        metadata=described.text(),
        metadata_url=f"https://{slug}.example.test/metadata",
    )


def test_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fetch(url: str) -> FetchedDocument:
        asked.append(url)
        if "down" in url:
            raise IdentityUnavailable("saml", "unreachable", "down.example.test has no address")
        return FetchedDocument(Described(entity_id="https://b.example.test").document())

    ports = SamlPorts(ServiceProvider(ServiceProviderConfig(SP_ENTITY_ID, ACS_URL)), MetadataReader(), fetch)
    monkeypatch.setattr(metadata, "saml_ports", lambda: ports)
    make("a-down", Described(entity_id="https://a.example.test"))
    make("b-well", Described(entity_id="https://b.example.test"))
    ending = key_until("ending", days=3)
    make("c-down-and-ending", Described(entity_id="https://c.example.test", keys=(ending, rsa_key("c"))))
    make("d-down-and-ending", Described(entity_id="https://d.example.test", keys=(ending,)))

    assert metadata.refresh() == 4
    assert len(asked) == 4
    assert metadata.refresh() == 0, "within the hour nobody is asked again"
    assert SamlSettings.objects.get(provider__slug="b-well").refreshed_at
    assert SamlSettings.objects.filter(refresh_problem__startswith="saml.unreachable").count() == 3
    assert [alarm.text.partition(":")[0] for alarm in Alarm.objects.all()] == ["d-down-and-ending"]


def test_it_is_on_the_schedule_beside_the_calls_to_aws() -> None:
    from portal.config.celery import app  # noqa: PLC0415  # builds the app

    assert CELERY_BEAT_SCHEDULE["refresh-metadata"]["task"] == metadata.refresh.name
    assert app.conf.task_routes["portal.jobs.refresh_metadata"]["queue"] == "aws"
