"""The sign-in endpoint and the console behind it, as a broker and a browser meet them."""

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from lxml import etree

from tests.integration.demo.answers import ALL, deny_session
from tests.servers.sandbox import Browser, Page, Sandbox

pytestmark = pytest.mark.xdist_group("sandbox")

BUCKET = "https://s3.console.aws.amazon.com/s3/buckets/meadow-logs?region=eu-central-1"


def session(credentials: Mapping[str, Any]) -> str:
    names = {"sessionId": "AccessKeyId", "sessionKey": "SecretAccessKey", "sessionToken": "SessionToken"}
    return json.dumps({name: credentials[aws] for name, aws in names.items()})


def get_token(aws: Sandbox, credentials: Mapping[str, Any], **more: str) -> Page:
    form = {"Action": "getSigninToken", "Session": session(credentials), **more}
    return Browser(aws.endpoint_url).open("/federation", form=form)


def login_url(aws: Sandbox, credentials: Mapping[str, Any], destination: str = BUCKET, **more: str) -> str:
    token = json.loads(get_token(aws, credentials, **more).text)["SigninToken"]
    query = {
        "Action": "login",
        "Issuer": "http://localhost",
        "Destination": destination,
        "SigninToken": token,
    }
    return f"/federation?{urlencode(query)}"


def signed_in(aws: Sandbox, credentials: Mapping[str, Any]) -> Browser:
    browser = Browser(aws.endpoint_url)
    assert browser.open(login_url(aws, credentials)).status == 302
    return browser


def parsed(page: Page) -> Any:
    return etree.fromstring(page.text, etree.HTMLParser())


def words(page: Page) -> dict[str, dict[str, str]]:
    """Read the table: bucket or other row -> action -> Allowed or Denied."""
    rows = parsed(page).iterfind(".//table[@class]/tbody/tr")
    return {
        "".join(row.find("th").itertext()).strip(): {
            cell.get("data-label"): "".join(cell.find("span").itertext()) for cell in row.iterfind("td")
        }
        for row in rows
        if row.find("td").get("data-label")
    }


def test_a_session_sees_what_its_role_allows(aws: Sandbox) -> None:
    browser = signed_in(aws, aws.assume("ProductionReadOnly", "ada-4711", DurationSeconds=900))
    page = browser.open("/console/home")
    assert page.status == 200
    assert "Simulation" in page.text
    assert "arn:aws:sts::222233334444:assumed-role/ProductionReadOnly/ada-4711" in page.text
    assert "Meadow Production · 2222 3333 4444" in page.text
    found = words(page)
    assert found["meadow-logsthis account"] == {"List": "Allowed", "Read": "Allowed", "Write": "Denied"}
    assert found["harbor-payrollHarbor Data"] == {"List": "Denied", "Read": "Denied", "Write": "Denied"}
    assert found["List the account's rolesiam:ListRoles"] == {"iam:ListRoles": "Denied"}
    assert found["Become ProductionOperatorsts:AssumeRole"] == {"sts:AssumeRole": "Denied"}


def test_the_page_runs_under_a_strict_policy(aws: Sandbox) -> None:
    page = signed_in(aws, aws.assume("ProductionReadOnly", "somebody")).open("/console/home")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["Cache-Control"] == "no-store"
    assert "style=" not in page.text
    assert "<script>" not in page.text


def test_the_destination_is_opened(aws: Sandbox) -> None:
    browser = Browser(aws.endpoint_url)
    answer = browser.open(login_url(aws, aws.assume("ProductionReadOnly", "somebody")))
    assert answer.headers["Location"] == "/console/s3/buckets/meadow-logs"
    page = browser.open(answer.headers["Location"])
    key = next(each["objects"][0] for each in aws.estate["buckets"] if each["name"] == "meadow-logs")
    assert key in page.text
    assert "What this session may do right now" in page.text
    assert "shop started" in browser.open(f"/console/s3/object/meadow-logs/{key}").text
    payroll = next(each["objects"][0] for each in aws.estate["buckets"] if each["name"] == "harbor-payroll")
    refused = browser.open(f"/console/s3/object/harbor-payroll/{payroll}").text
    assert "Denied" in refused
    assert "58211" not in refused


def test_a_deny_cuts_this_session_and_no_other(aws: Sandbox) -> None:
    cut = signed_in(aws, aws.assume("ProductionReadOnly", "cut-1"))
    neighbour = signed_in(aws, aws.assume("ProductionReadOnly", "neighbour-1"))
    assert words(cut.open("/console/home"))["meadow-logsthis account"]["List"] == "Allowed"
    iam = aws.root("iam", "222233334444")
    name = {"RoleName": "ProductionReadOnly", "PolicyName": "SallyportDeny"}
    iam.put_role_policy(**name, PolicyDocument=deny_session(f"{aws.role_id('ProductionReadOnly')}:cut-1"))
    try:
        after = cut.open("/console/tries")
        assert {word for row in words(after).values() for word in row.values()} == {"Denied"}
        assert "AWS refuses everything this session asks" in after.text
        assert words(neighbour.open("/console/home"))["meadow-logsthis account"]["List"] == "Allowed"
    finally:
        iam.delete_role_policy(**name)
    assert words(cut.open("/console/home"))["meadow-logsthis account"]["List"] == "Allowed"


def test_a_session_ends_with_the_time_in_its_policy(aws: Sandbox) -> None:
    ends = time.time() + 6
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends))
    over = {"DateGreaterThanEquals": {"aws:CurrentTime": stamp}}
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": over}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [*ALL["Statement"], deny]})
    browser = signed_in(aws, aws.assume("ProductionReadOnly", "timed", Policy=policy))
    assert words(browser.open("/console/home"))["meadow-logsthis account"]["Read"] == "Allowed"
    time.sleep(max(0, ends - time.time()) + 1)
    assert "AWS refuses everything this session asks" in browser.open("/console/home").text


def test_a_federated_user_opens_the_console(aws: Sandbox) -> None:
    page = signed_in(aws, aws.federate("noor", ALL)).open("/console/home")
    assert "arn:aws:sts::111122223333:federated-user/noor" in page.text
    found = words(page)
    assert found["meadow-harbor-handbookthis account"] == {
        "List": "Allowed",
        "Read": "Allowed",
        "Write": "Denied",
    }


def test_bad_credentials_get_no_token(aws: Sandbox) -> None:
    good = aws.assume("ProductionReadOnly", "somebody")
    assert get_token(aws, good).status == 200
    for wrong in ({"SecretAccessKey": "x" * 40}, {"SessionToken": "x"}, {"AccessKeyId": "ASIA" + "X" * 16}):
        assert get_token(aws, {**good, **wrong}).status == 400
    hub = aws.estate["hub"]
    long_lived = {"AccessKeyId": hub["access_key_id"], "SecretAccessKey": hub["secret_access_key"]}
    assert get_token(aws, {**long_lived, "SessionToken": ""}).status == 400


@pytest.mark.parametrize(
    ("seconds", "status"), [("899", 400), ("900", 200), ("43200", 200), ("43201", 400), ("x", 400)]
)
def test_session_duration_has_bounds(aws: Sandbox, seconds: str, status: int) -> None:
    credentials = aws.assume("ProductionReadOnly", "somebody")
    assert get_token(aws, credentials, SessionDuration=seconds).status == status


def test_session_duration_is_not_for_federation_tokens(aws: Sandbox) -> None:
    federated = aws.federate("noor", ALL)
    assert get_token(aws, federated, SessionDuration="900").status == 400
    assert get_token(aws, federated).status == 200


def test_session_duration_is_not_for_chained_roles(aws: Sandbox) -> None:
    iam = aws.root("iam", "333344445555")
    found = iam.get_role(RoleName="PartnerDropbox")["Role"]["AssumeRolePolicyDocument"]
    chain = {"Effect": "Allow", "Principal": {"AWS": "333344445555"}, "Action": "sts:AssumeRole"}
    both = {**found, "Statement": [*found["Statement"], chain]}
    iam.update_assume_role_policy(RoleName="PartnerDropbox", PolicyDocument=json.dumps(both))
    iam.put_role_policy(RoleName="DataAnalyst", PolicyName="Chain", PolicyDocument=json.dumps(ALL))
    try:
        sts = aws.client("sts", aws.assume("DataAnalyst", "first"))
        answer = sts.assume_role(RoleArn=aws.role_arn("PartnerDropbox"), RoleSessionName="second")
        assert get_token(aws, answer["Credentials"], SessionDuration="900").status == 400
        assert get_token(aws, answer["Credentials"]).status == 200
    finally:
        iam.delete_role_policy(RoleName="DataAnalyst", PolicyName="Chain")
        iam.update_assume_role_policy(RoleName="PartnerDropbox", PolicyDocument=json.dumps(found))


def test_only_roles_and_federated_users_have_a_console(aws: Sandbox) -> None:
    unlock = {"arn": "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"}
    root = aws.hub("sts").assume_root(TargetPrincipal="555566667777", TaskPolicyArn=unlock)["Credentials"]
    user = aws.hub("sts").get_session_token()["Credentials"]
    assert [get_token(aws, each).status for each in (root, user)] == [400, 400]
    assert get_token(aws, aws.assume("ProductionReadOnly", "somebody")).status == 200


def test_a_token_is_good_more_than_once(aws: Sandbox) -> None:
    url = login_url(aws, aws.assume("ProductionReadOnly", "somebody"))
    assert [Browser(aws.endpoint_url).open(url).status for _ in range(2)] == [302, 302]
    assert Browser(aws.endpoint_url).open(url + "x").status == 400


@pytest.mark.parametrize(
    ("destination", "status"),
    [
        ("https://console.aws.amazon.com/", 302),
        ("https://eu-west-1.console.aws.amazon.com/ec2/home", 302),
        ("https://console.amazonaws-us-gov.com/", 302),
        ("http://console.aws.amazon.com/", 400),
        ("https://console.aws.amazon.com.example.com/", 400),
        ("https://example.com/console.aws.amazon.com", 400),
        ("https://console.aws.amazon.com@example.com/", 400),
        ("https://notconsole.aws.amazon.com/", 400),
        ("//console.aws.amazon.com/", 400),
        ("", 400),
    ],
)
def test_only_console_hosts_are_destinations(aws: Sandbox, destination: str, status: int) -> None:
    credentials = aws.assume("ProductionReadOnly", "somebody")
    assert Browser(aws.endpoint_url).open(login_url(aws, credentials, destination)).status == status


def test_somebody_else_must_first_log_out(aws: Sandbox) -> None:
    browser = signed_in(aws, aws.assume("ProductionReadOnly", "first"))
    other = login_url(aws, aws.assume("ProductionReadOnly", "second"))
    page = browser.open(other)
    assert "You must first log out" in page.text
    link = parsed(page).find(".//main//a[@class='button']").get("href")
    onwards = browser.open(link)
    assert onwards.status == 302
    assert browser.open(onwards.headers["Location"]).status == 302
    assert "assumed-role/ProductionReadOnly/second" in browser.open("/console/home").text
    # The same identity needs no logging out.
    again = login_url(aws, aws.assume("ProductionReadOnly", "second"))
    assert browser.open(again).status == 302


def test_logging_out(aws: Sandbox) -> None:
    browser = signed_in(aws, aws.assume("ProductionReadOnly", "somebody"))
    kept = Browser(aws.endpoint_url)
    kept.cookies = dict(browser.cookies)
    assert browser.open("/federation?Action=logout").status == 200
    assert kept.open("/console/home").status == 401
    away = browser.open("/oauth?Action=logout&redirect_uri=https%3A%2F%2Fexample.com%2Ffederation")
    assert "Location" not in away.headers


def test_get_works_like_post(aws: Sandbox) -> None:
    credentials = session(aws.assume("ProductionReadOnly", "somebody"))
    query = urlencode({"Action": "getSigninToken", "Session": credentials})
    assert "SigninToken" in json.loads(Browser(aws.endpoint_url).open(f"/federation?{query}").text)
    assert Browser(aws.endpoint_url).open("/federation", form={"Action": "other"}).status == 400
