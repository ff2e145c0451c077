"""Cognito identity pools: what the sandbox refuses as AWS does, each with the neighbour that gets in."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.demo.answers import refused
from tests.servers.demo_idp import DemoIdp
from tests.servers.sandbox import Sandbox

pytestmark = [pytest.mark.xdist_group("sandbox"), pytest.mark.once]

ACCOUNT, HUB = "333344445555", "111122223333"
READ = {"Bucket": "harbor-measurements"}
FORBIDDEN = ("NotAuthorizedException", 400)
COGNITO = "cognito-identity.amazonaws.com"
PROVIDER = "login.meadow-harbor.example"


def pool(aws: Sandbox, name: str = "HarborBrowsers") -> str:
    return str(
        next(each["identity_pool_id"] for each in aws.estate["identity_pools"] if each["name"] == name)
    )


def logins(
    idp: DemoIdp, person: str = "ben", audience: str = "harbor-browser", **more: str
) -> dict[str, Any]:
    host = idp.base_url.removeprefix("http://")
    return {"Logins": {host: idp.id_token(person, audience, **more)}}


def credentials(answer: dict[str, Any]) -> dict[str, Any]:
    found = answer["Credentials"]
    return {**found, "SecretAccessKey": found["SecretKey"]}


def identity(aws: Sandbox, idp: DemoIdp, person: str = "ben") -> dict[str, Any]:
    call = aws.anonymous("cognito-identity").get_id
    return {"IdentityId": call(IdentityPoolId=pool(aws), **logins(idp, person))["IdentityId"]}


def test_an_hour_as_the_pools_role(aws: Sandbox, idp: DemoIdp) -> None:
    cognito, who = aws.anonymous("cognito-identity"), identity(aws, idp)
    answer = cognito.get_credentials_for_identity(**who, **logins(idp))
    hour = answer["Credentials"]["Expiration"] - datetime.now(UTC)
    assert timedelta(minutes=58) < hour <= timedelta(hours=1)
    session = credentials(answer)
    user_id = aws.client("sts", session).get_caller_identity()["UserId"]
    assert user_id == f"{aws.role_id('HarborCognito')}:CognitoIdentityCredentials"
    assert aws.client("s3", session).list_objects_v2(**READ)["KeyCount"] == 2
    assert identity(aws, idp) == who, "the same person, the same identity"
    assert identity(aws, idp, "chidi") != who


def test_logins_are_verified(aws: Sandbox, idp: DemoIdp) -> None:
    cognito, given = aws.anonymous("cognito-identity"), {"IdentityPoolId": pool(aws)}
    host = idp.base_url.removeprefix("http://")
    header, body, _ = idp.id_token("ben", "harbor-browser").split(".")
    forged = {"Logins": {host: f"{header}.{body}.{idp.id_token('ada', 'harbor-browser').split('.')[2]}"}}
    assert refused(cognito.get_id, **given, **forged) == FORBIDDEN
    assert refused(cognito.get_id, **given, **logins(idp, audience="nobodys")) == FORBIDDEN
    assert refused(cognito.get_id, **given, **logins(idp, lives="0")) == FORBIDDEN
    other = {"Logins": {"accounts.google.com": idp.id_token("ben", "harbor-browser")}}
    assert refused(cognito.get_id, **given, **other) == FORBIDDEN
    assert refused(cognito.get_id, **given) == FORBIDDEN, "the pool lets nobody in without a login"
    assert cognito.get_id(**given, **logins(idp))["IdentityId"]


def test_an_identity_is_its_persons_alone(aws: Sandbox, idp: DemoIdp) -> None:
    call, who = aws.anonymous("cognito-identity").get_credentials_for_identity, identity(aws, idp)
    identity(aws, idp, "chidi")
    assert refused(call, **who, **logins(idp, "chidi")) == FORBIDDEN
    assert refused(call, **who) == FORBIDDEN
    assert refused(call, **who, **logins(idp, lives="0")) == FORBIDDEN
    unknown = {"IdentityId": "eu-central-1:00000000-0000-4000-8000-000000000000"}
    assert refused(call, **unknown, **logins(idp)) == ("ResourceNotFoundException", 400)
    assert call(**who, **logins(idp))["Credentials"]


def test_a_custom_role_is_one_that_the_pool_gives(aws: Sandbox, idp: DemoIdp) -> None:
    call, who = aws.anonymous("cognito-identity").get_credentials_for_identity, identity(aws, idp)
    another = {"CustomRoleArn": aws.role_arn("HarborWeb")}
    assert refused(call, **who, **logins(idp), **another) == FORBIDDEN
    assert call(**who, **logins(idp), CustomRoleArn=aws.role_arn("HarborCognito"))["Credentials"]


def test_the_role_must_trust_the_pool(aws: Sandbox, idp: DemoIdp) -> None:
    cognito, who = aws.anonymous("cognito-identity"), identity(aws, idp)
    admin = aws.root("cognito-identity", ACCOUNT)
    given = {"IdentityPoolId": pool(aws)}
    admin.set_identity_pool_roles(**given, Roles={"authenticated": aws.role_arn("HarborWeb")})
    try:
        answer = refused(cognito.get_credentials_for_identity, **who, **logins(idp))
        assert answer == ("InvalidIdentityPoolConfigurationException", 400)
    finally:
        admin.set_identity_pool_roles(**given, Roles={"authenticated": aws.role_arn("HarborCognito")})
    assert cognito.get_credentials_for_identity(**who, **logins(idp))["Credentials"]


def test_rules_map_claims_to_roles(aws: Sandbox, idp: DemoIdp) -> None:
    cognito, admin = aws.anonymous("cognito-identity"), aws.root("cognito-identity", ACCOUNT)
    host, usual = idp.base_url.removeprefix("http://"), {"authenticated": aws.role_arn("HarborCognito")}
    rule = {"Claim": "groups", "MatchType": "Equals", "Value": "operators", "RoleARN": usual["authenticated"]}
    mapping = {"Type": "Rules", "AmbiguousRoleResolution": "Deny", "RulesConfiguration": {"Rules": [rule]}}
    given = {"IdentityPoolId": pool(aws), "Roles": usual}
    ben, chidi = identity(aws, idp), identity(aws, idp, "chidi")
    admin.set_identity_pool_roles(**given, RoleMappings={host: mapping})
    try:
        call = cognito.get_credentials_for_identity
        assert refused(call, **chidi, **logins(idp, "chidi")) == FORBIDDEN
        assert call(**ben, **logins(idp))["Credentials"]
    finally:
        admin.set_identity_pool_roles(**given)


def test_one_identity_is_cut_by_its_sub(aws: Sandbox, idp: DemoIdp) -> None:
    """Their sessions share one name, so aws:userid would cut everybody."""
    call, iam = aws.anonymous("cognito-identity").get_credentials_for_identity, aws.root("iam", ACCOUNT)
    ben, chidi = (
        (who := identity(aws, idp, person), credentials(call(**who, **logins(idp, person))))
        for person in ("ben", "chidi")
    )
    condition = {"StringEquals": {f"{COGNITO}:sub": [ben[0]["IdentityId"]]}}
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}
    document = json.dumps({"Version": "2012-10-17", "Statement": deny})
    iam.put_role_policy(RoleName="HarborCognito", PolicyName="Deny", PolicyDocument=document)
    try:
        assert refused(aws.client("s3", ben[1]).list_objects_v2, **READ) == ("AccessDenied", 403)
        assert aws.client("s3", chidi[1]).list_objects_v2(**READ)["KeyCount"] == 2
    finally:
        iam.delete_role_policy(RoleName="HarborCognito", PolicyName="Deny")


def test_the_basic_flow_is_for_pools_that_allow_it(aws: Sandbox, idp: DemoIdp) -> None:
    call = aws.anonymous("cognito-identity").get_open_id_token
    assert refused(call, **identity(aws, idp), **logins(idp)) == ("InvalidParameterException", 400)
    admin, given = aws.root("cognito-identity", ACCOUNT), {"IdentityPoolId": pool(aws)}
    name = {"IdentityPoolName": "HarborBrowsers", "AllowUnauthenticatedIdentities": False}
    admin.update_identity_pool(**given, **name, AllowClassicFlow=True)
    try:
        token = call(**identity(aws, idp), **logins(idp))["Token"]
    finally:
        admin.update_identity_pool(**given, **name, AllowClassicFlow=False)
    asked = {"RoleArn": aws.role_arn("HarborCognito"), "RoleSessionName": "ben-1", "WebIdentityToken": token}
    assert aws.anonymous("sts").assume_role_with_web_identity(**asked)["Credentials"]


def developer(aws: Sandbox, user: str = "noor", **more: Any) -> dict[str, Any]:
    return {"IdentityPoolId": pool(aws, "HarborDevices"), "Logins": {PROVIDER: user}, **more}


def test_the_hub_vouches_and_sts_believes_it(aws: Sandbox) -> None:
    answer = aws.hub("cognito-identity").get_open_id_token_for_developer_identity(**developer(aws))
    asked = {"RoleSessionName": "noor-1", "WebIdentityToken": answer["Token"]}
    call = aws.anonymous("sts").assume_role_with_web_identity
    # Signed as well, for another pool than this role trusts.
    assert refused(call, RoleArn=aws.role_arn("HarborCognito"), **asked) == ("AccessDenied", 403)
    found = call(RoleArn=aws.role_arn("HarborDeveloper"), **asked)
    assert (found["Provider"], found["SubjectFromWebIdentityToken"]) == (COGNITO, answer["IdentityId"])
    assert found["Audience"] == pool(aws, "HarborDevices")
    assert aws.client("s3", found["Credentials"]).list_objects_v2(**READ)["KeyCount"] == 2
    header, _, signature = answer["Token"].split(".")
    other = aws.hub("cognito-identity").get_open_id_token_for_developer_identity(**developer(aws, "piet"))
    forged = {**asked, "WebIdentityToken": f"{header}.{other['Token'].split('.')[1]}.{signature}"}
    invalid = ("InvalidIdentityToken", 400)
    assert refused(call, RoleArn=aws.role_arn("HarborDeveloper"), **forged) == invalid


def test_only_who_may_and_only_in_their_own_account(aws: Sandbox) -> None:
    """The call is signed, and judged by the caller's policies."""
    not_there = ("ResourceNotFoundException", 400)
    name = "get_open_id_token_for_developer_identity"
    session = aws.client("cognito-identity", aws.assume("DataAnalyst", "somebody"))
    assert refused(getattr(session, name), **developer(aws))[0] == "AccessDeniedException"
    root = aws.root("cognito-identity", ACCOUNT)  # may do everything, in another account
    assert refused(getattr(root, name), **developer(aws)) == not_there
    with pytest.raises(Exception, match=r"MissingAuthenticationToken|security token"):
        getattr(aws.anonymous("cognito-identity"), name)(**developer(aws))
    hub = getattr(aws.hub("cognito-identity"), name)
    wrong = {"Logins": {"another.example": "noor"}}
    assert refused(hub, **{**developer(aws), **wrong}) == ("InvalidParameterException", 400)
    assert refused(hub, **developer(aws, TokenDuration=86_401)) == ("ValidationException", 400)
    assert hub(**developer(aws, TokenDuration=86_400))["Token"]


def test_a_developer_identity_is_one_users(aws: Sandbox) -> None:
    call = aws.hub("cognito-identity").get_open_id_token_for_developer_identity
    noor, piet = call(**developer(aws))["IdentityId"], call(**developer(aws, "piet"))["IdentityId"]
    assert noor != piet
    taken = ("DeveloperUserAlreadyRegisteredException", 400)
    assert refused(call, **developer(aws, "piet", IdentityId=noor)) == taken
    assert call(**developer(aws, IdentityId=noor))["IdentityId"] == noor
