"""A provider's metadata is judged before it is kept, and never becomes another provider's by the way."""

from collections.abc import Callable
from typing import Any

import pytest

from brokers.errors import SamlMetadataRejected
from brokers.types import SamlIdentityProvider
from portal.audit.models import AuditEvent
from portal.directory.models import ExternalIdentity, IdentityProvider
from portal.identity.operations.keep_provider import keep_saml_provider
from portal.kernel.actor import Actor
from portal.kernel.errors import InvalidError

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


def read(document: bytes, *, entity_id: str | None = None, signer: str | None = None) -> SamlIdentityProvider:
    del entity_id, signer
    if document == b"bad":
        raise SamlMetadataRejected("malformed", "not XML")
    return SamlIdentityProvider(document.decode(), "https://idp.example/sso", ("certificate",))


def keep(metadata: str, **more: Any) -> IdentityProvider:
    given: dict[str, Any] = {"slug": "corp", "name": "Corp", "read": read, "actor": Actor.command("tests")}
    return keep_saml_provider(metadata=metadata, **given | more)


def test_it_is_added_then_replaced_each_with_its_audit_row() -> None:
    first = keep("urn:corp")
    assert keep("urn:corp", name="").name == "Corp"
    assert IdentityProvider.objects.get() == first
    assert list(AuditEvent.objects.order_by("id").values_list("type", flat=True)) == [
        "staff.record.added",
        "staff.record.changed",
    ]


def test_another_providers_metadata_does_not_take_its_people_over(person: Make) -> None:
    provider = keep("urn:corp")
    assert keep("urn:corp-renamed").saml.entity_id == "urn:corp-renamed", "nobody signs in there yet"
    ExternalIdentity.objects.create(provider=provider, person=person(), subject="ada")
    with pytest.raises(InvalidError, match="a name of its own"):
        keep("urn:evil")
    assert IdentityProvider.objects.get(slug="corp").saml.entity_id == "urn:corp-renamed"
    assert keep("urn:evil", slug="other").saml.entity_id == "urn:evil"


@pytest.mark.parametrize(
    ("metadata", "slug", "field"), [("bad", "corp", "metadata"), ("urn:x", "no spaces", "slug")]
)
def test_what_is_wrong_is_named_and_nothing_is_kept(metadata: str, slug: str, field: str) -> None:
    with pytest.raises(InvalidError) as refused:
        keep(metadata, slug=slug)
    assert refused.value.field == field
    assert not IdentityProvider.objects.exists()
