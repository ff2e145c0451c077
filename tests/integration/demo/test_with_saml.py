"""AssumeRoleWithSAML: what the sandbox refuses as AWS does, each with the neighbour that gets in."""

import base64
import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from lxml import etree

from portal.demo.identity_provider import response
from portal.demo.identity_provider.for_aws import ATTRIBUTES, AWS
from portal.demo.identity_provider.keys import load_or_make
from portal.demo.identity_provider.people import BY_KEY
from portal.demo.identity_provider.request import ASSERTION, AuthnRequest, ServiceProvider
from tests.integration.demo.answers import refused
from tests.servers.demo_idp import DemoIdp, demo_idp
from tests.servers.sandbox import Sandbox

pytestmark = [pytest.mark.xdist_group("sandbox"), pytest.mark.once]

ACCOUNT = "333344445555"
READ = {"Bucket": "harbor-measurements"}
INVALID = ("InvalidIdentityToken", 400)
DENIED = ("AccessDenied", 403)


def pair(aws: Sandbox, role: str = "HarborSaml") -> str:
    return f"{aws.role_arn(role)},{aws.estate['identity_provider']['saml_provider_arn']}"


def asked(aws: Sandbox, assertion: str, **more: Any) -> dict[str, Any]:
    provider = aws.estate["identity_provider"]["saml_provider_arn"]
    return {
        "RoleArn": aws.role_arn("HarborSaml"),
        "PrincipalArn": provider,
        "SAMLAssertion": assertion,
        **more,
    }


def changed(assertion: str, old: str, new: str) -> str:
    document = base64.b64decode(assertion).decode()
    assert old in document
    return base64.b64encode(document.replace(old, new).encode()).decode()


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoIdp]:
    """Another company's provider: as good, with keys that nobody registered."""
    with demo_idp(tmp_path_factory.mktemp("stranger")) as running:
        yield running


def test_the_answer_says_what_the_assertion_said(aws: Sandbox, idp: DemoIdp) -> None:
    answer = aws.anonymous("sts").assume_role_with_saml(**asked(aws, idp.assertion("ben", pair(aws))))
    name = "ben.lindqvist@meadow-harbor.example"
    assert answer["AssumedRoleUser"]["AssumedRoleId"] == f"{aws.role_id('HarborSaml')}:{name}"
    assert (answer["SubjectType"], answer["Issuer"]) == ("persistent", idp.entity_id)
    assert answer["Subject"].startswith("mh-8d2e6b13")
    assert answer["Audience"] == "https://signin.aws.amazon.com/saml"
    assert len(base64.b64decode(answer["NameQualifier"])) == 20
    who = aws.client("sts", answer["Credentials"]).get_caller_identity()
    assert who["Arn"].endswith(f":assumed-role/HarborSaml/{name}")
    assert aws.client("s3", answer["Credentials"]).list_objects_v2(**READ)["KeyCount"] == 2


def test_the_assertion_is_verified(aws: Sandbox, idp: DemoIdp, stranger: DemoIdp) -> None:
    call = aws.anonymous("sts").assume_role_with_saml
    good = idp.assertion("ben", pair(aws))
    for bad in (
        changed(good, "mh-8d2e6b13", "mh-4f1c9a7e"),
        stranger.assertion("ben", pair(aws)),
        base64.b64encode(b"<Response/>").decode(),
        "not base64",
    ):
        assert refused(call, **asked(aws, bad)) == INVALID
    failed = changed(good, "status:Success", "status:Requester")
    assert refused(call, **asked(aws, failed)) == ("IDPRejectedClaim", 403)
    assert call(**asked(aws, good))["Credentials"]


def test_an_assertion_for_somebody_else(aws: Sandbox, idp: DemoIdp) -> None:
    """The same keys, for another service provider: signed as well, but not meant for AWS."""
    key, base = load_or_make(idp.directory), ATTRIBUTES
    told = {f"{base}Role": [pair(aws)], f"{base}RoleSessionName": ["ben"]}
    call = aws.anonymous("sts").assume_role_with_saml

    def answer(audience: str, recipient: str, **missing: list[str]) -> str:
        provider = ServiceProvider(audience, recipient)
        attributes = {**told, **{f"{base}{name}": value for name, value in missing.items()}}
        return response.saml_response(BY_KEY["ben"], AuthnRequest("", provider), issuer=idp.entity_id, key=key,
                             attributes=attributes)  # fmt: skip

    ours, sign_in = "urn:amazon:webservices", "https://signin.aws.amazon.com/saml"
    assert refused(call, **asked(aws, answer("https://portal.example", sign_in))) == INVALID
    assert refused(call, **asked(aws, answer(ours, "https://portal.example/acs"))) == INVALID
    assert refused(call, **asked(aws, answer(ours, sign_in, RoleSessionName=["with space"]))) == INVALID
    assert refused(call, **asked(aws, answer(ours, sign_in, RoleSessionName=[]))) == INVALID
    # A session tag needs sts:TagSession, and a source identity sts:SetSourceIdentity: this role's trust has neither.
    tagged = answer(ours, sign_in, **{"PrincipalTag:Team": ["x"]})
    assert refused(call, **asked(aws, tagged)) == DENIED
    assert refused(call, **asked(aws, answer(ours, sign_in, SourceIdentity=["ben"]))) == DENIED
    assert call(**asked(aws, answer(ours, sign_in)))["Credentials"]


def test_the_role_attribute_names_role_and_provider(aws: Sandbox, idp: DemoIdp) -> None:
    call = aws.anonymous("sts").assume_role_with_saml
    assert refused(call, **asked(aws, idp.assertion("ben", pair(aws, "HarborWeb")))) == DENIED
    assert refused(call, **asked(aws, idp.assertion("ben"))) == DENIED
    # Named in the assertion, but its trust policy knows no SAML.
    web = idp.assertion("ben", pair(aws, "HarborWeb"))
    assert refused(call, **asked(aws, web, RoleArn=aws.role_arn("HarborWeb"))) == DENIED
    gone = aws.estate["identity_provider"]["saml_provider_arn"] + "X"
    assert refused(call, **asked(aws, idp.assertion("ben", pair(aws)), PrincipalArn=gone)) == INVALID
    both = idp.assertion("ben", pair(aws, "HarborWeb"), pair(aws))
    assert call(**asked(aws, both))["Credentials"]


def test_it_must_be_redeemed_in_time(aws: Sandbox, idp: DemoIdp) -> None:
    """By a signed assertion whose five minutes are over."""
    told = {f"{ATTRIBUTES}Role": [pair(aws)], f"{ATTRIBUTES}RoleSessionName": ["ben"]}
    call, key = aws.anonymous("sts").assume_role_with_saml, load_or_make(idp.directory)

    def made(good_for: timedelta) -> str:
        with patch.object(response, "GOOD_FOR", good_for):
            return response.saml_response(
                BY_KEY["ben"], AuthnRequest("", AWS), issuer=idp.entity_id, key=key, attributes=told
            )

    assert refused(call, **asked(aws, made(-timedelta(seconds=1)))) == ("ExpiredTokenException", 400)
    assert call(**asked(aws, made(timedelta(minutes=1))))["Credentials"]


def test_duration_policy_and_console_duration(aws: Sandbox, idp: DemoIdp) -> None:
    call = aws.anonymous("sts").assume_role_with_saml
    assertion = idp.assertion("ben", pair(aws), session_seconds="900")  # for the console alone
    assert refused(call, **asked(aws, assertion, DurationSeconds=14_401)) == ("ValidationError", 400)
    answer = call(**asked(aws, assertion, DurationSeconds=14_400))["Credentials"]
    assert answer["Expiration"] > datetime.now(UTC) + timedelta(hours=3, minutes=59)
    only = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": only})
    s3 = aws.client("s3", call(**asked(aws, assertion, Policy=policy))["Credentials"])
    assert refused(s3.list_objects_v2, **READ) == DENIED
    assert s3.list_buckets()["Buckets"]


def test_a_session_is_cut_by_its_name_and_time_together(aws: Sandbox, idp: DemoIdp) -> None:
    """The assertion names the session, so the next one has the same name: only the time tells them apart."""
    call = aws.anonymous("sts").assume_role_with_saml
    ben, chidi = (
        call(**asked(aws, idp.assertion(person, pair(aws))))["Credentials"] for person in ("ben", "chidi")
    )
    userid = f"{aws.role_id('HarborSaml')}:ben.lindqvist@meadow-harbor.example"
    iam = aws.root("iam", ACCOUNT)

    def deny(before: datetime) -> None:
        condition = {
            "StringEquals": {"aws:userid": userid},
            "DateLessThan": {"aws:TokenIssueTime": before.strftime("%Y-%m-%dT%H:%M:%SZ")},
        }
        statement = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}
        document = json.dumps({"Version": "2012-10-17", "Statement": statement})
        iam.put_role_policy(RoleName="HarborSaml", PolicyName="Deny", PolicyDocument=document)

    try:
        deny(datetime.now(UTC) + timedelta(seconds=2))
        assert refused(aws.client("s3", ben).list_objects_v2, **READ) == DENIED
        assert aws.client("s3", chidi).list_objects_v2(**READ)["KeyCount"] == 2
        deny(datetime.now(UTC) - timedelta(minutes=5))
        assert aws.client("s3", ben).list_objects_v2(**READ)["KeyCount"] == 2
    finally:
        iam.delete_role_policy(RoleName="HarborSaml", PolicyName="Deny")


def assertion_signed_alone(aws: Sandbox, idp: DemoIdp) -> Any:
    """Return a response whose assertion alone is signed, as an element."""
    told = {f"{ATTRIBUTES}Role": [pair(aws)], f"{ATTRIBUTES}RoleSessionName": ["ben"]}
    now = datetime.now(UTC).replace(microsecond=0)
    bare = response._response(BY_KEY["ben"], AuthnRequest("", AWS), idp.entity_id, now, told)
    return response._sign(bare, load_or_make(idp.directory), "Assertion")


def sent(root: Any) -> str:
    return base64.b64encode(etree.tostring(root)).decode()


def test_a_signed_assertion_is_enough_and_nothing_beside_it_counts(aws: Sandbox, idp: DemoIdp) -> None:
    """Signature wrapping: what is signed is there, and what is to be read is something else."""
    call = aws.anonymous("sts").assume_role_with_saml
    saml = f"{{{ASSERTION}}}"
    assert call(**asked(aws, sent(assertion_signed_alone(aws, idp))))["Credentials"]

    beside = assertion_signed_alone(aws, idp)
    evil = copy.deepcopy(beside.find(f"{saml}Assertion"))
    evil.remove(evil.find(f"{{{response.DSIG}}}Signature"))
    evil.set("ID", "_evil")
    beside.insert(2, evil)

    around = assertion_signed_alone(aws, idp)
    original = around.find(f"{saml}Assertion")
    outer = copy.deepcopy(evil)
    around.replace(original, outer)
    outer.append(original)

    bare = assertion_signed_alone(aws, idp)
    assertion = bare.find(f"{saml}Assertion")
    assertion.remove(assertion.find(f"{{{response.DSIG}}}Signature"))
    for wrapped in (beside, around, bare):
        assert refused(call, **asked(aws, sent(wrapped))) == INVALID


def test_a_comment_cuts_nobodys_name_short(aws: Sandbox, idp: DemoIdp) -> None:
    """Comments are outside of the signature: one within the name must not end it there."""
    root = assertion_signed_alone(aws, idp)
    name = root.find(f".//{{{ASSERTION}}}NameID")
    name.text, whole = name.text[:5], name.text
    name.append(etree.Comment("cut"))
    name[0].tail = whole[5:]
    answer = aws.anonymous("sts").assume_role_with_saml(**asked(aws, sent(root)))
    assert answer["Subject"] == whole
