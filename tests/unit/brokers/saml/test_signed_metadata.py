"""Metadata that must be signed: by the pinned signer, as a whole, asking for nothing that isn't on the list."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta

import pytest
from lxml.etree import _Element as Element

from brokers.errors import SamlMetadataRejected
from brokers.saml import MetadataReader, MetadataReason, metadata, shape, signatures
from brokers.types import SamlIdentityProvider
from tests.saml_forge import IDP_ENTITY_ID, KeyPair, ec_key, element, find, rsa_key, set_attribute
from tests.saml_forge.metadata import Described, sign_inner, signature_of

SIGNER = rsa_key("federation")
READ = MetadataReader()
EVIL = rsa_key("evil")


def read(described: Described, signer: str = SIGNER.certificate) -> SamlIdentityProvider:
    return READ(described.document(), entity_id=IDP_ENTITY_ID, signer=signer)


def refusal(described: Described, signer: str = SIGNER.certificate) -> tuple[str, str]:
    with pytest.raises(SamlMetadataRejected) as refused:
        read(described, signer)
    return refused.value.reason, refused.value.detail


def evil(root: Element) -> Element:
    """Return a copy that has an attacker's key and no signature."""
    copy = deepcopy(root)
    copy.remove(signature_of(copy))
    find(copy, ".//ds:X509Certificate").text = EVIL.body
    return copy


def become(root: Element, other: Element) -> None:
    """Make `root` what `other` is; what it was is handed back by the caller's copy."""
    for child in list(root):
        root.remove(child)
    root.extend(list(other))


def wrapped_in_extensions(root: Element) -> None:
    original = deepcopy(root)
    become(root, evil(root))
    holder = element("<md:Extensions/>")
    holder.append(original)
    root.insert(0, holder)
    root.set("ID", "_other")


def wrapped_with_the_signature_moved_up(root: Element) -> None:
    original, signature = deepcopy(root), deepcopy(signature_of(root))
    original.remove(signature_of(original))
    become(root, evil(root))
    root.set("ID", "_other")
    holder = element("<md:Extensions/>")
    holder.append(original)
    root.insert(0, holder)
    root.insert(0, signature)


def wrapped_under_the_same_id(root: Element) -> None:
    wrapped_with_the_signature_moved_up(root)
    root.set("ID", "_described")


def wrapped_under_an_xml_id(root: Element) -> None:
    wrapped_under_the_same_id(root)
    inner = find(root, "./md:Extensions/md:EntityDescriptor")
    del inner.attrib["ID"]
    inner.set("{http://www.w3.org/XML/1998/namespace}id", "_described")


def beside_a_signed_one(root: Element) -> None:
    """An aggregate whose one entity is signed by itself, and whose own words are nobody's."""
    inner = deepcopy(root)
    sign_inner(inner, SIGNER)
    become(root, element("<md:x/>"))
    root.tag = "{urn:oasis:names:tc:SAML:2.0:metadata}EntitiesDescriptor"
    root.set("ID", "_all")
    root.append(inner)


def changed(root: Element) -> None:
    find(root, "./md:IDPSSODescriptor//ds:X509Certificate").text = EVIL.body


def test_what_the_signer_signed_is_read() -> None:
    idp = read(Described(signer=SIGNER))

    assert idp.certificates == (rsa_key().certificate,)
    assert read(Described(signer=ec_signer(), template=by_ecdsa), ec_signer().certificate) == idp


def ec_signer() -> KeyPair:
    return ec_key("federation-ec")


def by_ecdsa(signature: Element) -> None:
    method = find(signature, ".//ds:SignatureMethod")
    method.set("Algorithm", "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256")


def test_without_a_signer_a_signature_says_nothing() -> None:
    assert READ(Described(signer=EVIL).document()).entity_id == IDP_ENTITY_ID


ATTACKS: dict[str, Described] = {
    "unsigned": Described(),
    "another's key": Described(signer=EVIL),
    "changed": Described(signer=SIGNER, finish=changed),
    "only the entity inside": Described(alter=beside_a_signed_one),
    "wrapped in extensions": Described(signer=SIGNER, finish=wrapped_in_extensions),
    "signature moved up": Described(signer=SIGNER, finish=wrapped_with_the_signature_moved_up),
    "the same id twice": Described(signer=SIGNER, finish=wrapped_under_the_same_id),
    "the same id as xml:id": Described(signer=SIGNER, finish=wrapped_under_an_xml_id),
}


@pytest.mark.parametrize("name", list(ATTACKS))
def test_what_the_signer_did_not_sign_as_a_whole_is_refused(name: str) -> None:
    assert refusal(ATTACKS[name])[0] == MetadataReason.SIGNATURE


@pytest.mark.parametrize(
    ("name", "layer"),
    [("signature moved up", "reference"), ("the same id twice", "duplicate_id"), ("changed", "verify")],
)
def test_turns_red_without_its_check(name: str, layer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if layer == "verify":
        monkeypatch.setattr(signatures, "_verifies", lambda *_: True)
        assert read(ATTACKS[name]).certificates == (EVIL.certificate,)
        return
    before = refusal(ATTACKS[name])[1]
    assert before.startswith(f"{layer}:")
    left = tuple(entry for entry in shape.SIGNATURE_CHECKS if entry[0] != layer)
    monkeypatch.setattr(shape, "SIGNATURE_CHECKS", left)
    # A second wall: xmlsec itself holds the digest against the element that stands there now.
    assert refusal(ATTACKS[name])[1] != before


def test_without_the_check_of_the_signature_an_unsigned_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "_verify", lambda *_: None)
    assert read(ATTACKS["another's key"]).entity_id == IDP_ENTITY_ID


@pytest.mark.parametrize(
    ("path", "algorithm", "check"),
    [
        (".//ds:Transform[1]", "http://www.w3.org/2000/09/xmldsig#base64", "transform"),
        (".//ds:CanonicalizationMethod", "http://www.w3.org/TR/2001/REC-xml-c14n-20010315", "transform"),
        (".//ds:SignatureMethod", "http://www.w3.org/2000/09/xmldsig#rsa-sha1", "algorithm"),
        (".//ds:DigestMethod", "http://www.w3.org/2000/09/xmldsig#sha1", "algorithm"),
    ],
)
def test_what_a_signature_may_not_ask_for(path: str, algorithm: str, check: str) -> None:
    asked = Described(signer=SIGNER, finish=set_attribute(path, "Algorithm", algorithm))
    reason, detail = refusal(asked)
    assert (reason, detail.partition(":")[0]) == (MetadataReason.SIGNATURE, check)


def test_a_signature_by_sha1_is_refused_though_it_is_the_signers(monkeypatch: pytest.MonkeyPatch) -> None:
    def weaken(signature: Element) -> None:
        set_attribute(".//ds:DigestMethod", "Algorithm", "http://www.w3.org/2000/09/xmldsig#sha1")(signature)

    weak = Described(signer=SIGNER, template=weaken)
    assert refusal(weak) == (
        MetadataReason.SIGNATURE, "algorithm: digest algorithm http://www.w3.org/2000/09/xmldsig#sha1"
    )  # fmt: skip
    monkeypatch.setattr(shape, "SIGNATURE_CHECKS", ())
    assert read(weak).entity_id == IDP_ENTITY_ID


@pytest.mark.parametrize("days", [-1, 1])
def test_signed_but_over(days: int) -> None:
    described = Described(signer=SIGNER, valid_until=datetime.now(UTC) + timedelta(days=days))
    if days < 0:
        assert refusal(described)[0] == MetadataReason.EXPIRED
        return
    ends = read(described).valid_until
    assert ends is not None
    assert ends > datetime.now(UTC)


def test_the_roles_own_end_counts_too() -> None:
    over = Described(more=' validUntil="2020-01-01T00:00:00Z"', signer=SIGNER)
    assert refusal(over)[0] == MetadataReason.EXPIRED


def test_a_signer_that_is_no_certificate() -> None:
    assert refusal(Described(signer=SIGNER), "no certificate")[0] == MetadataReason.SIGNATURE


def test_where_people_are_signed_out() -> None:
    slo = "https://idp.example.test/slo"
    assert _slo(Described()) == (None, None)
    assert _slo(Described(slo_url=slo)) == (slo, slo)
    assert _slo(Described(slo_url=slo, slo_response_url=f"{slo}/done")) == (slo, f"{slo}/done")
    assert _slo(Described(slo_url="http://idp.example.test/slo")) == (None, None)
    assert _slo(Described(slo_url=slo, slo_response_url="javascript:alert(1)")) == (slo, None)


def _slo(described: Described) -> tuple[str | None, str | None]:
    idp = READ(described.document())
    return idp.slo_url, idp.slo_response_url


def test_the_ends_of_certificates_are_told() -> None:
    idp = READ(Described(keys=(rsa_key(), rsa_key("next"))).document())
    soon = datetime.now(UTC) + timedelta(days=29)
    assert len(idp.certificates_end_at) == 2
    assert all(soon < end < soon + timedelta(days=2) for end in idp.certificates_end_at)
    assert idp.wants_signed_requests is False
    assert READ(Described(more=' WantAuthnRequestsSigned="true"').document()).wants_signed_requests
