"""AssumeRoleWithWebIdentity: what the sandbox refuses as AWS does, each with the neighbour that gets in."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.integration.demo.answers import deny_session, refused
from tests.servers.demo_idp import DemoIdp
from tests.servers.process import free_port
from tests.servers.sandbox import Sandbox

pytestmark = [pytest.mark.xdist_group("sandbox"), pytest.mark.once]

ACCOUNT = "333344445555"
READ = {"Bucket": "harbor-measurements"}
INVALID = ("InvalidIdentityToken", 400)
DENIED = ("AccessDenied", 403)


def asked(aws: Sandbox, token: str, **more: Any) -> dict[str, Any]:
    return {
        "RoleArn": aws.role_arn("HarborWeb"), "RoleSessionName": "ben-1", "WebIdentityToken": token, **more
    }  # fmt: skip


def test_a_session_of_the_role_is_named_by_us(aws: Sandbox, idp: DemoIdp) -> None:
    answer = aws.anonymous("sts").assume_role_with_web_identity(
        **asked(aws, idp.id_token("ben", "harbor-web"))
    )
    assert answer["SubjectFromWebIdentityToken"].startswith("mh-8d2e6b13")
    assert (answer["Audience"], answer["Provider"]) == ("harbor-web", idp.base_url)
    who = aws.client("sts", answer["Credentials"]).get_caller_identity()
    assert who["UserId"] == f"{aws.role_id('HarborWeb')}:ben-1" == answer["AssumedRoleUser"]["AssumedRoleId"]
    assert aws.client("s3", answer["Credentials"]).list_objects_v2(**READ)["KeyCount"] == 2


def test_the_token_is_verified(aws: Sandbox, idp: DemoIdp) -> None:
    sts = aws.anonymous("sts")
    good = idp.id_token("ben", "harbor-web")
    header, _, signature = good.split(".")
    another = idp.id_token("ada", "harbor-web").split(".")[1]

    def answer(token: str) -> tuple[str, int]:
        return refused(sts.assume_role_with_web_identity, **asked(aws, token))

    assert answer(f"{header}.{another}.{signature}") == INVALID
    assert answer("not.a.token") == INVALID
    assert answer(idp.id_token("ben", "somebody-elses-client")) == INVALID
    assert answer(idp.id_token("ben", "harbor-web", lives="0")) == ("ExpiredTokenException", 400)
    # A client that the provider lists, and the role's trust policy doesn't.
    assert answer(idp.id_token("ben", "harbor-browser")) == DENIED
    assert sts.assume_role_with_web_identity(**asked(aws, good))["Credentials"]


def test_only_a_provider_that_the_account_registered(aws: Sandbox, idp: DemoIdp) -> None:
    """The hub's account knows no provider; there, the same token is nobody's."""
    iam = aws.root("iam", "111122223333")
    trust = aws.root("iam", ACCOUNT).get_role(RoleName="HarborWeb")["Role"]["AssumeRolePolicyDocument"]
    arn = iam.create_role(RoleName="Elsewhere", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    sts, token = aws.anonymous("sts"), idp.id_token("ben", "harbor-web")
    try:
        assert refused(sts.assume_role_with_web_identity, **asked(aws, token, RoleArn=arn)) == INVALID
        assert sts.assume_role_with_web_identity(**asked(aws, token))["Credentials"]
    finally:
        iam.delete_role(RoleName="Elsewhere")


def test_an_issuer_that_is_silent(aws: Sandbox) -> None:
    issuer = f"http://127.0.0.1:{free_port()}"
    iam = aws.root("iam", ACCOUNT)
    made = iam.create_open_id_connect_provider(Url=issuer, ClientIDList=["harbor-web"])
    key = RSAKey.generate_key(2048)
    claims = {"iss": issuer, "sub": "ben", "aud": "harbor-web", "exp": int(time.time()) + 300}
    token = jwt.encode({"alg": "RS256"}, claims, key)
    call = aws.anonymous("sts").assume_role_with_web_identity
    try:
        assert refused(call, **asked(aws, token)) == ("IDPCommunicationError", 400)
    finally:
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=made["OpenIDConnectProviderArn"])
    assert refused(call, **asked(aws, token)) == INVALID


def test_the_trust_policys_conditions_count(aws: Sandbox, idp: DemoIdp) -> None:
    iam = aws.root("iam", ACCOUNT)
    host = idp.base_url.removeprefix("http://")
    provider = aws.estate["identity_provider"]["oidc_provider_arn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringLike": {f"{host}:sub": "mh-8d2e6b13-*"}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    arn = iam.create_role(RoleName="BensOwn", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    call = aws.anonymous("sts").assume_role_with_web_identity
    try:
        chidi, ben = idp.id_token("chidi", "harbor-web"), idp.id_token("ben", "harbor-web")
        assert refused(call, **asked(aws, chidi, RoleArn=arn)) == DENIED
        assert call(**asked(aws, ben, RoleArn=arn))["Credentials"]
        assert refused(call, **asked(aws, ben, RoleArn=aws.role_arn("DataAnalyst"))) == DENIED
    finally:
        iam.delete_role(RoleName="BensOwn")


def test_duration_and_session_policy(aws: Sandbox, idp: DemoIdp) -> None:
    call = aws.anonymous("sts").assume_role_with_web_identity
    token = idp.id_token("ben", "harbor-web")
    assert refused(call, **asked(aws, token, DurationSeconds=14_401)) == ("ValidationError", 400)
    assert call(**asked(aws, token, DurationSeconds=14_400))["Credentials"]
    only = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": only})
    s3 = aws.client("s3", call(**asked(aws, token, Policy=policy))["Credentials"])
    assert refused(s3.list_objects_v2, **READ) == DENIED
    assert s3.list_buckets()["Buckets"]


def test_one_session_is_cut_and_its_neighbour_works(aws: Sandbox, idp: DemoIdp) -> None:
    call = aws.anonymous("sts").assume_role_with_web_identity
    token = idp.id_token("ben", "harbor-web")
    cut, other = (call(**asked(aws, token, RoleSessionName=name))["Credentials"] for name in ("cut", "other"))
    iam = aws.root("iam", ACCOUNT)
    policy = deny_session(f"{aws.role_id('HarborWeb')}:cut")
    iam.put_role_policy(RoleName="HarborWeb", PolicyName="Deny", PolicyDocument=policy)
    try:
        assert refused(aws.client("s3", cut).list_objects_v2, **READ) == DENIED
        assert aws.client("s3", other).list_objects_v2(**READ)["KeyCount"] == 2
    finally:
        iam.delete_role_policy(RoleName="HarborWeb", PolicyName="Deny")


def test_the_algorithm_is_not_the_tokens_choice(aws: Sandbox, idp: DemoIdp) -> None:
    """Neither no signature, nor one by the public key as if that were a secret (RFC 8725, 2.1)."""
    call = aws.anonymous("sts").assume_role_with_web_identity
    good = idp.id_token("ben", "harbor-web")
    body = good.split(".")[1]
    published = idp.get("/jwks").json()["keys"][0]
    pem = RSAKey.import_key(published).as_pem(private=False)

    def part(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    header = part(json.dumps({"alg": "none"}).encode())
    none = f"{header}.{body}."
    head = part(json.dumps({"alg": "HS256", "kid": published["kid"]}).encode())
    mac = hmac.new(pem, f"{head}.{body}".encode(), hashlib.sha256).digest()
    for forged in (none, f"{none}AAAA", f"{head}.{body}.{part(mac)}"):
        assert refused(call, **asked(aws, forged)) == INVALID
    assert call(**asked(aws, good))["Credentials"]
