"""Whatever is changed at random: the same person comes out, or a refusal. Never another person, never a crash."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brokers.errors import SamlRejected
from brokers.saml import Reason, ServiceProvider, ServiceProviderConfig
from brokers.types import SamlIdentity
from tests.saml_forge import ACS_URL, SP_ENTITY_ID, Forge, rsa_key

SP_KEY = rsa_key("sp")
SP = ServiceProvider(ServiceProviderConfig(SP_ENTITY_ID, ACS_URL, SP_KEY.private, SP_KEY.certificate))
FORGES = {
    "assertion": Forge(),
    "response": Forge(sign=("response",)),
    "encrypted": Forge(encrypt_to=SP_KEY),
}
DOCUMENTS = {name: forge.document() for name, forge in FORGES.items()}
SNIPPETS = st.sampled_from(
    [
        b"",
        b" ",
        b"<",
        b">",
        b'"',
        b"&amp;",
        b"&#0;",
        b"]]>",
        b"<!---->",
        b"<?x?>",
        b"<x/>",
        b"\xff",
        b"mallory",
    ]
)


def verify(forge: Forge, field: str) -> SamlIdentity | SamlRejected:
    try:
        return SP.verify(forge.provider(), field, request_id=forge.request_id, at=datetime.now(UTC))
    except SamlRejected as refused:
        return refused


@pytest.mark.parametrize("kind", list(FORGES))
@given(data=st.data())
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_random_change(kind: str, data: st.DataObject) -> None:
    forge, document = FORGES[kind], DOCUMENTS[kind]
    start = data.draw(st.integers(0, len(document)))
    end = min(len(document), start + data.draw(st.integers(0, 40)))
    put = data.draw(SNIPPETS | st.binary(max_size=8))
    changed = document[:start] + put + document[end:]

    outcome = verify(forge, base64.b64encode(changed).decode())

    if isinstance(outcome, SamlRejected):
        assert outcome.reason in set(Reason)
    else:
        assert (outcome.name_id, outcome.issuer) == ("alice", forge.entity_id)
        assert outcome.attributes["groups"] == ("staff", "payments")


@given(field=st.text(max_size=300) | st.binary(max_size=300).map(lambda raw: base64.b64encode(raw).decode()))
@settings(max_examples=200, deadline=None)
def test_junk(field: str) -> None:
    assert isinstance(verify(FORGES["assertion"], field), SamlRejected)
