"""Log-out messages: each refusal with its exact code, its accepted neighbour, and red when its check is out."""

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import etree
from lxml.etree import _Element as Element

from brokers.errors import SamlRejected
from brokers.saml import (
    MetadataReader,
    Reason,
    ServiceProvider,
    ServiceProviderConfig,
    logout,
    redirect,
    shape,
    signatures,
)
from brokers.types import SamlLogoutRequest, SamlMessage
from tests.saml_forge import (
    ACS_URL,
    IDP_ENTITY_ID,
    SP_ENTITY_ID,
    Forge,
    drop,
    ec_key,
    element,
    find,
    rsa_key,
    set_attribute,
    set_text,
)
from tests.saml_forge.logout import SLO_URL, Logout
from tests.saml_forge.metadata import Described

SP_KEY = rsa_key("sp")
CONFIG = ServiceProviderConfig(SP_ENTITY_ID, ACS_URL, SP_KEY.private, SP_KEY.certificate, SLO_URL)
SP = ServiceProvider(CONFIG)
IDP = replace(
    Forge().provider(),
    slo_url="https://idp.example.test/slo",
    slo_response_url="https://idp.example.test/slo",
)
REQUEST = "/samlp:LogoutRequest"
NOW = datetime.now(UTC)


def hear(message: SamlMessage, **idp: Any) -> SamlLogoutRequest:
    return SP.read_logout_request(replace(IDP, **idp), message, at=datetime.now(UTC))


def refusal(message: SamlMessage, **idp: Any) -> str:
    with pytest.raises(SamlRejected) as refused:
        hear(message, **idp)
    return refused.value.reason


def by_query(**changes: Any) -> SamlMessage:
    return SamlMessage(query=Logout(**changes).query())


def by_post(**changes: Any) -> SamlMessage:
    return SamlMessage(posted=Logout(**changes).posted())


@pytest.mark.parametrize("send", [by_query, by_post])
def test_a_request_is_heard(send: Any) -> None:
    heard = hear(send(request_id="_one", session_indexes=("_a", "_b")))

    assert (heard.request_id, heard.name_id) == ("_one", "alice")
    assert heard.name_id_format.endswith(":persistent")
    assert heard.session_indexes == ("_a", "_b")
    assert timedelta(minutes=4) < heard.valid_until - datetime.now(UTC) <= logout.MAX_AGE
    assert hear(send(session_indexes=())).session_indexes == ()
    assert SP.claimed_logout_issuer(send()) == IDP_ENTITY_ID


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_each_algorithm_of_the_list(digest: str) -> None:
    more = "http://www.w3.org/2001/04/xmldsig-more#"
    assert hear(by_query(algorithm=f"{more}rsa-{digest}")).name_id == "alice"
    curve = ec_key()
    heard = hear(by_query(algorithm=f"{more}ecdsa-{digest}", key=curve), certificates=(curve.certificate,))
    assert heard.name_id == "alice"


def test_by_any_of_the_keys_that_are_pinned() -> None:
    both = (rsa_key("next").certificate, rsa_key().certificate)
    for key in (rsa_key(), rsa_key("next")):
        assert hear(by_query(key=key), certificates=both).name_id == "alice"
    assert refusal(by_query(key=rsa_key("next"))) == Reason.SIGNATURE


@dataclass(frozen=True)
class Attack:
    """`check`: where the entry that refuses it stands, to be taken out; empty where it can't be."""

    reason: Reason
    changes: Mapping[str, Any]
    check: str = "words"
    post: bool = True
    idp: Mapping[str, Any] = field(default_factory=dict)


def after(query: str, more: str) -> str:
    return f"{query}&{more}"


def moved(query: str) -> str:
    """A relay state that the provider didn't sign."""
    return query.replace("RelayState=there", "RelayState=elsewhere")


def beside(root: Element) -> None:
    root.append(element("<samlp:Extensions/>"))


ATTACKS = {
    "another issuer": Attack(Reason.ISSUER, {"entity_id": "https://idp.example.test/other"}),
    "no issuer": Attack(Reason.ISSUER, {"alter": set_text("./saml:Issuer", "")}),
    "another destination": Attack(Reason.DESTINATION, {"destination": f"{SLO_URL}/"}),
    "a prefix as destination": Attack(Reason.DESTINATION, {"destination": SLO_URL[:-1]}),
    "no destination": Attack(Reason.DESTINATION, {"alter": drop(REQUEST, "Destination")}),
    "old": Attack(
        Reason.ISSUE_INSTANT,
        {
            "issued": NOW - timedelta(minutes=6),
            "alter": set_attribute(REQUEST, "NotOnOrAfter", "2999-01-01T00:00:00Z"),
        },
    ),
    "from the future": Attack(Reason.ISSUE_INSTANT, {"issued": NOW + timedelta(hours=5)}),
    "no time": Attack(Reason.ISSUE_INSTANT, {"alter": drop(REQUEST, "IssueInstant")}),
    "over": Attack(
        Reason.LOGOUT_TIME, {"alter": set_attribute(REQUEST, "NotOnOrAfter", "2020-01-01T00:00:00Z")}
    ),
    "an end that is none": Attack(
        Reason.LOGOUT_TIME, {"alter": set_attribute(REQUEST, "NotOnOrAfter", "soon")}
    ),
    "another version": Attack(Reason.STRUCTURE, {"alter": set_attribute(REQUEST, "Version", "1.1")}),
    "a name with a space": Attack(Reason.NAME_ID, {"name_id": "alice bob"}),
    "no name": Attack(Reason.NAME_ID, {"name_id": ""}),
    "a look-alike": Attack(Reason.NAME_ID, {"name_id": "\u0430lice"}),
    "a name of another provider": Attack(
        Reason.NAME_ID_QUALIFIER,
        {"alter": set_attribute("./saml:NameID", "NameQualifier", "https://idp.example.test/other")},
    ),
    "a name of another service": Attack(
        Reason.NAME_ID_QUALIFIER,
        {"alter": set_attribute("./saml:NameID", "SPNameQualifier", "https://other.example.test")},
    ),
    "what is not on the list": Attack(Reason.STRUCTURE, {"alter": beside}, check="shape"),
    "unsigned": Attack(Reason.UNSIGNED, {"signs": False}, check=""),
    "another's key": Attack(Reason.SIGNATURE, {"key": rsa_key("evil")}, check=""),
    "sha-1": Attack(
        Reason.ALGORITHM, {"algorithm": "http://www.w3.org/2000/09/xmldsig#rsa-sha1"}, check="", post=False
    ),
    "an algorithm of no kind": Attack(
        Reason.ALGORITHM,
        {"query_edit": lambda query: query.replace("rsa-sha256", "hmac-sha256")},
        check="",
        post=False,
    ),
    "a relay state that nobody signed": Attack(
        Reason.SIGNATURE, {"relay_state": "there", "query_edit": moved}, check="", post=False
    ),
    "a relay state put in later": Attack(
        Reason.SIGNATURE,
        {"query_edit": lambda query: after(query, "RelayState=there")},
        check="",
        post=False,
    ),
    "two requests": Attack(
        Reason.MALFORMED, {"query_edit": lambda query: after(query, "SAMLRequest=x")}, check="", post=False
    ),
    "two signatures": Attack(
        Reason.MALFORMED, {"query_edit": lambda query: after(query, "Signature=x")}, check="", post=False
    ),
    "a request and an answer": Attack(
        Reason.MALFORMED, {"query_edit": lambda query: after(query, "SAMLResponse=x")}, check="", post=False
    ),
    "another encoding": Attack(
        Reason.MALFORMED, {"query_edit": lambda query: after(query, "SAMLEncoding=x")}, check="", post=False
    ),
    "an answer": Attack(Reason.MALFORMED, {"answers": "_x"}, check="", post=False),
}
BY_POST = [name for name, attack in ATTACKS.items() if attack.post]


@pytest.mark.parametrize("name", list(ATTACKS))
def test_refused_by_redirect(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    attack = ATTACKS[name]
    message = by_query(**attack.changes)
    assert refusal(message) == attack.reason
    take_out(attack, monkeypatch)
    if attack.check:
        assert hear(message)


@pytest.mark.parametrize("name", BY_POST)
def test_refused_by_post(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    attack = ATTACKS[name]
    message = by_post(**attack.changes)
    assert refusal(message) == attack.reason
    take_out(attack, monkeypatch)
    if attack.check:
        assert hear(message)


def take_out(attack: Attack, monkeypatch: pytest.MonkeyPatch) -> None:
    table, name = {"words": (logout, "REQUEST_CHECKS"), "shape": (shape, "MESSAGE_CHECKS")}.get(
        attack.check, (None, "")
    )
    if table is not None:
        left = tuple(entry for entry in getattr(table, name) if entry[0] != attack.reason)
        assert len(left) == len(getattr(table, name)) - 1
        monkeypatch.setattr(table, name, left)


def test_turns_red_when_the_signature_is_not_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    evil = by_query(key=rsa_key("evil"), name_id="mallory")
    assert refusal(evil) == Reason.SIGNATURE
    monkeypatch.setattr(redirect, "verify", lambda *_: None)
    assert hear(evil).name_id == "mallory"
    posted = by_post(key=rsa_key("evil"), name_id="mallory")
    assert refusal(posted) == Reason.SIGNATURE
    monkeypatch.setattr(signatures, "is_signed_by", lambda *_: True)
    assert hear(posted).name_id == "mallory"


def test_every_check_has_its_attack() -> None:
    tried = {attack.reason for attack in ATTACKS.values() if attack.check == "words"}
    assert tried == {reason for reason, _ in logout.REQUEST_CHECKS}


def wrapped(root: Element) -> None:
    """The signed request inside of one that names somebody else."""
    inner = etree.fromstring(etree.tostring(root))
    root.remove(find(root, "./ds:Signature"))
    find(root, "./saml:NameID").text = "mallory"
    root.set("ID", "_outer")
    holder = element("<samlp:Extensions/>")
    holder.append(inner)
    find(root, "./saml:Issuer").addnext(holder)


def test_a_wrapped_one_is_refused() -> None:
    assert refusal(by_post(finish=wrapped)) == Reason.STRUCTURE
    changed = set_text("./saml:NameID", "mallory")
    assert refusal(by_post(finish=changed)) == Reason.SIGNATURE


@pytest.mark.parametrize(
    "query",
    [
        "", "SAMLRequest=", "SAMLRequest=!", "SAMLRequest=AAAA", "x=y", "SAMLRequest=%FF",
        "SAMLRequest=" + "A" * redirect.MAX_QUERY,
    ],
)  # fmt: skip
def test_junk(query: str) -> None:
    assert refusal(SamlMessage(query=query)) in {Reason.MALFORMED, Reason.SIZE}
    with pytest.raises(SamlRejected):
        SP.claimed_logout_issuer(SamlMessage(query=query))


def test_what_inflates_without_end_is_cut_off() -> None:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bomb = base64.b64encode(compressor.compress(b" " * 10**7) + compressor.flush()).decode()
    assert len(bomb) < redirect.MAX_QUERY
    assert refusal(SamlMessage(query=f"SAMLRequest={bomb.replace('+', '%2B')}")) == Reason.SIZE


def begin(**changes: Any) -> str | None:
    given: dict[str, Any] = {
        "name_id": "alice", "name_id_format": "urn:x", "session_index": "_s", "relay_state": lambda _: "back",
    }  # fmt: skip
    return SP.begin_logout(replace(IDP, **changes.pop("idp", {})), **given | changes)


def sent(url: str, name: str) -> Element:
    query = parse_qs(urlsplit(url).query)
    return etree.fromstring(zlib.decompress(base64.b64decode(query[name][0]), -zlib.MAX_WBITS))


def test_our_own_request_names_whom_and_is_signed() -> None:
    url = begin()
    assert url is not None
    asked = sent(url, "SAMLRequest")
    assert (asked.get("Destination"), find(asked, "./saml:Issuer").text) == (IDP.slo_url, SP_ENTITY_ID)
    name_id = find(asked, "./saml:NameID")
    assert (name_id.text, name_id.get("Format")) == ("alice", "urn:x")
    assert find(asked, "./samlp:SessionIndex").text == "_s"
    query = redirect.read(urlsplit(url).query, redirect.REQUEST)
    redirect.verify(query, [SP_KEY.certificate])
    assert query.relay_state == "back"
    none = begin(session_index="")
    assert none is not None
    assert sent(none, "SAMLRequest").find("{*}SessionIndex") is None


def test_where_it_is_not_offered_nothing_is_sent() -> None:
    assert begin(idp={"slo_url": None}) is None
    keyless = ServiceProvider(ServiceProviderConfig(SP_ENTITY_ID, ACS_URL, slo_url=SLO_URL))
    given: Any = {"name_id": "a", "name_id_format": "", "session_index": "", "relay_state": str}
    assert keyless.begin_logout(IDP, **given) is None
    assert b"SingleLogoutService" not in keyless.metadata()
    assert SP.answer_logout(replace(IDP, slo_response_url=None), hear(by_query())) is None


def test_our_own_answer_is_signed_and_hands_the_relay_state_back() -> None:
    heard = hear(by_query(relay_state="a b&c" * 40))
    url = SP.answer_logout(IDP, heard)
    assert url is not None
    answer = sent(url, "SAMLResponse")
    assert (answer.get("InResponseTo"), answer.get("Destination")) == (heard.request_id, IDP.slo_response_url)
    query = redirect.read(urlsplit(url).query, redirect.RESPONSE)
    redirect.verify(query, [SP_KEY.certificate])
    assert query.relay_state == "a b&c" * 40


def test_an_answer_is_read_with_its_status() -> None:
    at = datetime.now(UTC)
    message = by_query(answers="_ours", relay_state="state")
    read = SP.read_logout_answer(IDP, message, at=at)
    assert (read[0].is_success, read[0].status, read[1], read[2]) == (True, "Success", "_ours", "state")
    partial = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout"
    told, *_ = SP.read_logout_answer(IDP, by_post(answers="_ours", status=partial), at=at)
    assert (told.is_success, told.status) == (False, "PartialLogout")
    with pytest.raises(SamlRejected, match=r"saml\.signature"):
        SP.read_logout_answer(IDP, by_query(answers="_ours", key=rsa_key("evil")), at=at)
    no_status = by_query(answers="_ours", alter=drop("./samlp:Status"))
    with pytest.raises(SamlRejected, match=r"saml\.status"):
        SP.read_logout_answer(IDP, no_status, at=at)


def test_our_metadata_says_where_log_outs_go() -> None:
    root = etree.fromstring(SP.metadata())
    found = root.findall(".//{urn:oasis:names:tc:SAML:2.0:metadata}SingleLogoutService")
    assert {service.get("Binding", "").rpartition(":")[2] for service in found} == {
        "HTTP-Redirect",
        "HTTP-POST",
    }
    assert {service.get("Location") for service in found} == {SLO_URL}
    shown = MetadataReader()(Described(slo_url="https://idp.example.test/slo").document())
    assert shown.slo_response_url == "https://idp.example.test/slo"
