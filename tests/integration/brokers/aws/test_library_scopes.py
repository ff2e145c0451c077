"""The library's scopes where the stand-in enforces them: by real calls of a user that has nothing else.

Each service has an allowed call beside each refused one. What the stand-in doesn't serve (Athena's Glue, KMS' other
accounts) is judged by the tests' evaluator, in tests/unit/catalog/test_library_scopes.py.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from portal.catalog.filling import fill_scope
from portal.catalog.library import LIBRARY
from portal.catalog.models import AwsAccount, ScopeTemplate
from tests.servers.ministack import REGION, MiniStack

pytestmark = [pytest.mark.thorough, pytest.mark.xdist_group("library-scopes")]
ACCOUNT = "777777777777"
REFUSALS = {"AccessDenied", "AccessDeniedException", "403", "AuthorizationError", "UnauthorizedOperation"}
BODY = b"day,sum\n"


@dataclass(frozen=True)
class Things:
    """What is there to be reached. `key`: a KMS key's id; `sealed`: what it encrypted."""

    server: MiniStack
    key: str
    other_key: str
    sealed: bytes
    other_sealed: bytes
    queues: Mapping[str, str]


@pytest.fixture(scope="module")
def things(aws: MiniStack) -> Things:
    root: Callable[[str], Any] = lambda service: aws.root(service, ACCOUNT)  # noqa: E731  # as short as its use
    for bucket in ("lib-reports", "lib-reports-2"):
        root("s3").create_bucket(Bucket=bucket)
        for name in ("exchange/acme/a.csv", "exchange/acme2/a.csv", "a.csv"):
            root("s3").put_object(Bucket=bucket, Key=name, Body=BODY)
    for table in ("lib-orders", "lib-orders-2"):
        root("dynamodb").create_table(
            TableName=table,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        root("dynamodb").put_item(TableName=table, Item={"id": {"S": "1"}})
    for name in ("lib/db", "lib/db-admin"):
        root("secretsmanager").create_secret(Name=name, SecretString="x")
    for name in ("/lib/import", "/lib/import2"):
        root("logs").create_log_group(logGroupName=name)
        root("logs").create_log_stream(logGroupName=name, logStreamName="s")
    for name in ("lib/importer", "lib/importer2"):
        root("ecr").create_repository(repositoryName=name)
    queues = {name: root("sqs").create_queue(QueueName=name)["QueueUrl"] for name in ("lib-in", "lib-in2")}
    keys = [root("kms").create_key()["KeyMetadata"]["KeyId"] for _ in range(2)]
    sealed = [root("kms").encrypt(KeyId=each, Plaintext=b"x")["CiphertextBlob"] for each in keys]
    return Things(aws, keys[0], keys[1], sealed[0], sealed[1], queues)


@pytest.fixture(scope="module")
def holders(things: Things) -> Callable[[str, Mapping[str, str]], Callable[[str], Any]]:
    """Return clients of a user who has one scope of the library, and nothing else."""
    iam = things.server.root("iam", ACCOUNT)
    account = AwsAccount(name="Library", account_id=ACCOUNT, partition="aws")

    def holder(key: str, values: Mapping[str, str]) -> Callable[[str], Any]:
        scope = next(each for each in LIBRARY if each.key == key)
        template = ScopeTemplate(
            summary=scope.summary,
            policy=scope.policy,
            parameters=dict(scope.parameters),
            managed_policy_arns=[],
        )
        policy = fill_scope(template=template, values=values, account=account).policy
        name = f"library-{key}"
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="scope", PolicyDocument=json.dumps(policy))
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return lambda service: things.server.client(service, made["AccessKeyId"], made["SecretAccessKey"])

    return holder


def refused(act: Callable[[], Any]) -> None:
    with pytest.raises(ClientError) as error:
        act()
    assert error.value.response["Error"]["Code"] in REFUSALS, error.value


IN_FOLDER = {"bucket": "lib-reports", "folder": "exchange/acme"}


def test_a_bucket_to_read(holders: Any) -> None:
    s3 = holders("s3-bucket-read", {"bucket": "lib-reports"})("s3")
    assert s3.get_object(Bucket="lib-reports", Key="a.csv")["Body"].read() == BODY
    assert s3.list_objects_v2(Bucket="lib-reports")["KeyCount"] == 3
    refused(lambda: s3.get_object(Bucket="lib-reports-2", Key="a.csv"))
    refused(lambda: s3.list_objects_v2(Bucket="lib-reports-2"))
    refused(lambda: s3.put_object(Bucket="lib-reports", Key="b", Body=b""))
    refused(lambda: s3.delete_object(Bucket="lib-reports", Key="a.csv"))
    refused(lambda: s3.put_bucket_policy(Bucket="lib-reports", Policy="{}"))
    refused(s3.list_buckets)


def test_a_folder_to_read(holders: Any) -> None:
    s3 = holders("s3-folder-read", IN_FOLDER)("s3")
    assert s3.list_objects_v2(Bucket="lib-reports", Prefix="exchange/acme/")["KeyCount"] == 1
    assert s3.get_object(Bucket="lib-reports", Key="exchange/acme/a.csv")["Body"].read() == BODY
    for prefix in ("", "exchange/", "exchange/acme", "exchange/acme2/"):
        refused(partial(s3.list_objects_v2, Bucket="lib-reports", Prefix=prefix))
    refused(lambda: s3.get_object(Bucket="lib-reports", Key="exchange/acme2/a.csv"))
    refused(lambda: s3.put_object(Bucket="lib-reports", Key="exchange/acme/b", Body=b""))


def test_a_folder_to_write(holders: Any) -> None:
    s3 = holders("s3-folder-write", IN_FOLDER)("s3")
    s3.put_object(Bucket="lib-reports", Key="exchange/acme/b", Body=BODY)
    assert s3.get_object(Bucket="lib-reports", Key="exchange/acme/b")["Body"].read() == BODY
    s3.delete_object(Bucket="lib-reports", Key="exchange/acme/b")
    refused(lambda: s3.put_object(Bucket="lib-reports", Key="exchange/acme2/b", Body=b""))
    refused(lambda: s3.delete_object(Bucket="lib-reports", Key="a.csv"))
    refused(lambda: s3.list_objects_v2(Bucket="lib-reports"))


def test_a_drop_box(holders: Any) -> None:
    s3 = holders("s3-drop-box", IN_FOLDER)("s3")
    s3.put_object(Bucket="lib-reports", Key="exchange/acme/dropped", Body=BODY)
    refused(lambda: s3.get_object(Bucket="lib-reports", Key="exchange/acme/dropped"))
    refused(lambda: s3.delete_object(Bucket="lib-reports", Key="exchange/acme/dropped"))
    refused(lambda: s3.list_objects_v2(Bucket="lib-reports", Prefix="exchange/acme/"))
    refused(lambda: s3.put_object(Bucket="lib-reports", Key="exchange/acme2/b", Body=b""))
    refused(lambda: s3.put_object(Bucket="lib-reports-2", Key="exchange/acme/b", Body=b""))


def test_a_table_to_read(holders: Any) -> None:
    dynamodb = holders("dynamodb-table-read", {"table": "lib-orders", "region": REGION})("dynamodb")
    item = {"id": {"S": "1"}}
    assert dynamodb.get_item(TableName="lib-orders", Key=item)["Item"] == item
    assert dynamodb.scan(TableName="lib-orders")["Count"] == 1
    refused(lambda: dynamodb.get_item(TableName="lib-orders-2", Key=item))
    refused(lambda: dynamodb.put_item(TableName="lib-orders", Item=item))
    refused(lambda: dynamodb.delete_item(TableName="lib-orders", Key=item))
    refused(dynamodb.list_tables)


def test_a_queue_to_send_to(holders: Any, things: Things) -> None:
    sqs = holders("sqs-send", {"queue": "lib-in", "region": REGION})("sqs")
    sqs.send_message(QueueUrl=things.queues["lib-in"], MessageBody="x")
    refused(lambda: sqs.send_message(QueueUrl=things.queues["lib-in2"], MessageBody="x"))
    refused(lambda: sqs.receive_message(QueueUrl=things.queues["lib-in"]))
    refused(lambda: sqs.purge_queue(QueueUrl=things.queues["lib-in"]))


def test_a_log_group_to_read(holders: Any) -> None:
    logs = holders("logs-read", {"log_group": "/lib/import", "region": REGION})("logs")
    assert logs.filter_log_events(logGroupName="/lib/import")["events"] == []
    assert logs.get_log_events(logGroupName="/lib/import", logStreamName="s")["events"] == []
    refused(lambda: logs.filter_log_events(logGroupName="/lib/import2"))
    refused(lambda: logs.get_log_events(logGroupName="/lib/import2", logStreamName="s"))
    refused(lambda: logs.delete_log_group(logGroupName="/lib/import"))
    refused(logs.describe_log_groups)


def test_a_repository_to_pull_from(holders: Any) -> None:
    ecr = holders("ecr-pull", {"repository": "lib/importer", "region": REGION})("ecr")
    assert ecr.get_authorization_token()["authorizationData"]
    ids = [{"imageTag": "none"}]
    assert ecr.batch_get_image(repositoryName="lib/importer", imageIds=ids)["images"] == []
    refused(lambda: ecr.batch_get_image(repositoryName="lib/importer2", imageIds=ids))
    refused(lambda: ecr.initiate_layer_upload(repositoryName="lib/importer"))
    refused(lambda: ecr.delete_repository(repositoryName="lib/importer"))


def test_a_secret_to_read(holders: Any) -> None:
    secrets = holders("secret-read", {"secret": "lib/db", "region": REGION})("secretsmanager")
    assert secrets.get_secret_value(SecretId="lib/db")["SecretString"] == "x"
    refused(lambda: secrets.get_secret_value(SecretId="lib/db-admin"))
    refused(lambda: secrets.put_secret_value(SecretId="lib/db", SecretString="y"))
    refused(secrets.list_secrets)


def test_a_key_to_decrypt_with(holders: Any, things: Things) -> None:
    kms = holders("kms-decrypt", {"key": things.key, "region": REGION})("kms")
    assert kms.decrypt(CiphertextBlob=things.sealed, KeyId=things.key)["Plaintext"] == b"x"
    refused(lambda: kms.decrypt(CiphertextBlob=things.other_sealed, KeyId=things.other_key))
    refused(lambda: kms.encrypt(KeyId=things.key, Plaintext=b"x"))
    refused(lambda: kms.schedule_key_deletion(KeyId=things.key))
