"""Texts for partners: whole, safe to paste, and the first call that fits each scope of the library."""

import json
from dataclasses import replace
from typing import Any

import pytest

from portal.catalog.library import LIBRARY
from portal.web.presenters.first_calls import first_call
from portal.web.presenters.hand_over import Way, boto3, cli_profile, own_side_policy, terraform, texts

WAY = Way(
    profile="reports-4f2a91",
    role_arn="arn:aws:iam::222222222222:role/sallyport/partners/acme/sp-4f2a91",
    external_id="3f0e8d1c-2f6b-4a7e-9c40-9d2f1c1e0b6a",
    principal="arn:aws:iam::333333333333:root",
    region="eu-central-1",
    seconds=3600,
)
FILLED = {
    "aws_partition": "aws",
    "aws_account": "222222222222",
    "region": "eu-central-1",
    "bucket": "shared-reports",
    "folder": "2026/q4",
    "table": "orders",
    "workgroup": "partners",
    "database": "sales",
    "data_bucket": "sales-data",
    "data_folder": "orders",
    "results_bucket": "query-results",
    "results_folder": "acme",
    "secret": "acme/api-key",
    "key": "1234abcd-12ab-34cd-56ef-1234567890ab",
    "log_group": "/app/api",
    "repository": "tools/app",
    "queue": "orders",
}
FIRST = {
    "s3-bucket-read": "aws s3 ls s3://shared-reports/",
    "s3-folder-read": "aws s3 ls s3://shared-reports/2026/q4/",
    "s3-folder-write": "aws s3 ls s3://shared-reports/2026/q4/",
    "s3-drop-box": "aws s3 cp hello.txt s3://shared-reports/2026/q4/hello.txt",
    "dynamodb-table-read": "aws dynamodb describe-table --table-name orders",
    "athena-table-query": "aws athena get-work-group --work-group partners",
    "secret-read": "aws secretsmanager describe-secret --secret-id acme/api-key",
    "kms-decrypt": "aws kms describe-key --key-id "
    "arn:aws:kms:eu-central-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "logs-read": "aws logs describe-log-streams --log-group-name /app/api --max-items 1",
    "ecr-pull": "aws ecr batch-get-image --registry-id 222222222222 --repository-name tools/app "
    "--image-ids imageTag=latest",
    "sqs-send": "aws sqs get-queue-url --queue-name orders --queue-owner-aws-account-id 222222222222",
    "read-only-all": "aws s3 ls",
}


def filled(text: Any) -> Any:
    whole = json.dumps(text)
    for name, value in FILLED.items():
        whole = whole.replace("{{" + name + "}}", value)
    return json.loads(whole)


@pytest.mark.parametrize("scope", LIBRARY, ids=lambda scope: scope.key)
def test_each_scope_of_the_library_has_a_first_call(scope: Any) -> None:
    found = first_call(filled(scope.policy), filled(list(scope.managed_policy_arns)))
    assert found is not None
    assert found.command == FIRST[scope.key]


@pytest.mark.parametrize(
    "resource",
    [
        "arn:aws:s3:::b$(reboot)",
        "arn:aws:s3:::b;ls",
        "arn:aws:s3:::b`ls`",
        "arn:aws:s3:::b c",
        "arn:aws:s3:::b\nls",
        "arn:aws:s3:::*",
        "*",
    ],
)
def test_no_command_is_made_of_what_would_run(resource: str) -> None:
    policy = {"Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": resource}]}
    assert first_call(policy) is None
    policy["Statement"][0]["Resource"] = "arn:aws:s3:::b"
    assert first_call(policy) is not None


def test_a_deny_and_no_policy_give_none() -> None:
    statement = {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::b"}
    assert first_call({"Statement": statement}) is None
    assert first_call({"Statement": {**statement, "Effect": "Allow"}}) is not None
    assert first_call(None) is None


@pytest.mark.parametrize("field", ["profile", "role_arn", "external_id", "region", "endpoint_url"])
@pytest.mark.parametrize("evil", ['x"\n', "x y", "x\ny", "$(x)", "`x`", "x'", "x\\", "x;y", "{x}"])
def test_what_could_end_a_line_is_never_pasted(field: Any, evil: str) -> None:
    changed: dict[str, Any] = {field: evil}
    with pytest.raises(ValueError, match="can't stand in a text"):
        replace(WAY, **changed)


def test_a_profile_is_whole() -> None:
    assert cli_profile(WAY) == (
        "[profile reports-4f2a91]\n"
        "role_arn = arn:aws:iam::222222222222:role/sallyport/partners/acme/sp-4f2a91\n"
        "external_id = 3f0e8d1c-2f6b-4a7e-9c40-9d2f1c1e0b6a\n"
        "source_profile = default\n"
        "role_session_name = sallyport\n"
        "duration_seconds = 3600\n"
        "region = eu-central-1\n"
    )
    assert "endpoint_url = http://127.0.0.1:1\n" in cli_profile(
        replace(WAY, endpoint_url="http://127.0.0.1:1")
    )


def test_texts_name_the_role_and_no_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    del monkeypatch
    for text in texts(WAY):
        assert "AWS_ENDPOINT_URL" not in text.text
        assert "endpoint_url" not in text.text
    for made in (cli_profile, terraform, boto3):
        assert WAY.role_arn in made(WAY)
        assert WAY.external_id in made(WAY)
    assert json.loads(own_side_policy(WAY))["Statement"] == [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": WAY.role_arn}
    ]
    assert WAY.external_id not in own_side_policy(WAY)


@pytest.mark.parametrize("endpoint", ["", "http://127.0.0.1:1"])
def test_the_python_compiles(endpoint: str) -> None:
    compile(boto3(replace(WAY, endpoint_url=endpoint)), "sallyport_session.py", "exec")
