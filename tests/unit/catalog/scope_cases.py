"""What each scope of the library allows and what it doesn't, call by call: the words, as a table."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from portal.catalog.kinds import KINDS
from portal.catalog.library import LIBRARY

ACCOUNT, OTHER = "222222222222", "333333333333"
REGION = "eu-central-1"
HERE = f"{REGION}:{ACCOUNT}"
BUCKET, FOLDER = "arn:aws:s3:::acme-reports", "exchange/acme"
TABLE = f"arn:aws:dynamodb:{HERE}:table/orders"
GROUP = f"arn:aws:logs:{HERE}:log-group:/acme/import"
REPOSITORY = f"arn:aws:ecr:{HERE}:repository/acme/importer"
QUEUE = f"arn:aws:sqs:{HERE}:orders-in"
SECRET = f"arn:aws:secretsmanager:{HERE}:secret:acme/importer-A1b2C3"
KEY = f"arn:aws:kms:{HERE}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
GLUE = f"arn:aws:glue:{HERE}"
WORKGROUP = f"arn:aws:athena:{HERE}:workgroup/acme"
DATA, RESULTS = "arn:aws:s3:::data-lake", "arn:aws:s3:::query-results"


@dataclass(frozen=True, slots=True)
class Call:
    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


def call(action: str, resource: str, **context: str) -> Call:
    return Call(action, resource, {key.replace("__", ":").replace("_", "-"): v for key, v in context.items()})


def listing(bucket: str, prefix: str | None = None) -> Call:
    return Call("s3:ListBucket", bucket, {} if prefix is None else {"s3:prefix": prefix})


VALUES: Mapping[str, Mapping[str, str]] = {
    each.key: {name: KINDS[kind].example for name, kind in each.parameters.items()} for each in LIBRARY
} | {
    "athena-table-query": {
        "workgroup": "acme",
        "database": "reports",
        "table": "orders",
        "region": REGION,
        "data_bucket": "data-lake",
        "data_folder": "orders",
        "results_bucket": "query-results",
        "results_folder": "acme",
    }
}

ALLOWED: Mapping[str, tuple[Call, ...]] = {
    "s3-bucket-read": (
        listing(BUCKET),
        listing(BUCKET, "any/"),
        call("s3:GetObject", f"{BUCKET}/a/b.csv"),
        call("s3:GetObjectVersion", f"{BUCKET}/a"),
        call("s3:GetBucketLocation", BUCKET),
        Call("s3:GetObject", f"{BUCKET}/a", {"aws:ResourceAccount": ACCOUNT}),
    ),
    "s3-folder-read": (
        listing(BUCKET, f"{FOLDER}/"),
        listing(BUCKET, f"{FOLDER}/deep/"),
        call("s3:GetObject", f"{BUCKET}/{FOLDER}/a.csv"),
        call("s3:GetBucketLocation", BUCKET),
    ),
    "s3-folder-write": (
        listing(BUCKET, f"{FOLDER}/"),
        call("s3:GetObject", f"{BUCKET}/{FOLDER}/a"),
        call("s3:PutObject", f"{BUCKET}/{FOLDER}/a"),
        call("s3:DeleteObject", f"{BUCKET}/{FOLDER}/a"),
        call("s3:AbortMultipartUpload", f"{BUCKET}/{FOLDER}/a"),
    ),
    "s3-drop-box": (call("s3:PutObject", f"{BUCKET}/{FOLDER}/a"),),
    "dynamodb-table-read": (
        call("dynamodb:GetItem", TABLE),
        call("dynamodb:BatchGetItem", TABLE),
        call("dynamodb:Scan", TABLE),
        call("dynamodb:DescribeTable", TABLE),
        call("dynamodb:Query", f"{TABLE}/index/by-day"),
    ),
    "athena-table-query": (
        call("athena:StartQueryExecution", WORKGROUP),
        call("athena:GetQueryResults", WORKGROUP),
        call("glue:GetTable", f"{GLUE}:catalog"),
        call("glue:GetTable", f"{GLUE}:database/reports"),
        call("glue:GetTable", f"{GLUE}:table/reports/orders"),
        listing(DATA, "orders/2026"),
        listing(RESULTS, "acme/"),
        call("s3:GetObject", f"{DATA}/orders/a"),
        call("s3:GetObject", f"{RESULTS}/acme/a"),
        call("s3:PutObject", f"{RESULTS}/acme/a"),
    ),
    "secret-read": (
        call("secretsmanager:GetSecretValue", SECRET),
        call("secretsmanager:DescribeSecret", SECRET),
    ),
    "kms-decrypt": (call("kms:Decrypt", KEY), call("kms:DescribeKey", KEY)),
    "logs-read": (
        call("logs:FilterLogEvents", GROUP),
        call("logs:GetLogEvents", f"{GROUP}:log-stream:a"),
        call("logs:DescribeLogStreams", f"{GROUP}:*"),
        call("logs:StartQuery", GROUP),
    ),
    "ecr-pull": (
        call("ecr:GetAuthorizationToken", "*"),
        call("ecr:BatchGetImage", REPOSITORY),
        call("ecr:GetDownloadUrlForLayer", REPOSITORY),
    ),
    "sqs-send": (call("sqs:SendMessage", QUEUE), call("sqs:GetQueueUrl", QUEUE)),
    # With AWS's ReadOnlyAccess, of which the test has what is asked here.
    "read-only-all": (
        call("sts:GetCallerIdentity", "*"),
        call("s3:GetObject", f"{BUCKET}/a"),
        call("dynamodb:Scan", TABLE),
        call("ssm:DescribeParameters", "*"),
        call("secretsmanager:ListSecrets", "*"),
    ),
}

REFUSED: Mapping[str, tuple[Call, ...]] = {
    "s3-bucket-read": (
        listing(f"{BUCKET}-2"),
        call("s3:GetObject", f"{BUCKET}-2/a"),
        call("s3:GetObject", "arn:aws:s3:::other/a"),
        call("s3:PutObject", f"{BUCKET}/a"),
        call("s3:DeleteObject", f"{BUCKET}/a"),
        call("s3:GetBucketPolicy", BUCKET),
        call("s3:PutBucketPolicy", BUCKET),
        call("s3:GetObjectAcl", f"{BUCKET}/a"),
        call("s3:ListAllMyBuckets", "*"),
        Call("s3:GetObject", f"{BUCKET}/a", {"aws:ResourceAccount": OTHER}),
        Call("s3:ListBucket", BUCKET, {"aws:ResourceAccount": OTHER}),
    ),
    "s3-folder-read": (
        listing(BUCKET),
        listing(BUCKET, ""),
        listing(BUCKET, "exchange/"),
        listing(BUCKET, FOLDER),  # which would list exchange/acme2 too
        listing(BUCKET, f"{FOLDER}2/"),
        call("s3:GetObject", f"{BUCKET}/{FOLDER}2/a"),
        call("s3:GetObject", f"{BUCKET}/{FOLDER}"),
        call("s3:GetObject", f"{BUCKET}/a"),
        call("s3:PutObject", f"{BUCKET}/{FOLDER}/a"),
        Call("s3:GetObject", f"{BUCKET}/{FOLDER}/a", {"aws:ResourceAccount": OTHER}),
    ),
    "s3-folder-write": (
        listing(BUCKET),
        listing(BUCKET, "exchange/"),
        call("s3:PutObject", f"{BUCKET}/a"),
        call("s3:PutObject", f"{BUCKET}/{FOLDER}2/a"),
        call("s3:DeleteObject", f"{BUCKET}/a"),
        call("s3:PutObjectAcl", f"{BUCKET}/{FOLDER}/a"),
        call("s3:DeleteObjectVersion", f"{BUCKET}/{FOLDER}/a"),
        call("s3:DeleteBucket", BUCKET),
        Call("s3:PutObject", f"{BUCKET}/{FOLDER}/a", {"aws:ResourceAccount": OTHER}),
    ),
    "s3-drop-box": (
        listing(BUCKET, f"{FOLDER}/"),
        call("s3:GetObject", f"{BUCKET}/{FOLDER}/a"),
        call("s3:DeleteObject", f"{BUCKET}/{FOLDER}/a"),
        call("s3:PutObject", f"{BUCKET}/a"),
        call("s3:PutObject", f"{BUCKET}/{FOLDER}2/a"),
        call("s3:PutObjectAcl", f"{BUCKET}/{FOLDER}/a"),
        Call("s3:PutObject", f"{BUCKET}/{FOLDER}/a", {"aws:ResourceAccount": OTHER}),
    ),
    "dynamodb-table-read": (
        call("dynamodb:GetItem", f"{TABLE}-2"),
        call("dynamodb:GetItem", TABLE.replace(ACCOUNT, OTHER)),
        call("dynamodb:GetItem", TABLE.replace(REGION, "eu-west-1")),
        call("dynamodb:PutItem", TABLE),
        call("dynamodb:DeleteItem", TABLE),
        call("dynamodb:UpdateTable", TABLE),
        call("dynamodb:PartiQLUpdate", TABLE),
        call("dynamodb:GetRecords", f"{TABLE}/stream/x"),
        call("dynamodb:ListTables", "*"),
    ),
    "athena-table-query": (
        call("athena:StartQueryExecution", WORKGROUP.replace("acme", "other")),
        call("athena:UpdateWorkGroup", WORKGROUP),
        call("athena:ListWorkGroups", "*"),
        call("glue:GetTable", f"{GLUE}:table/reports/salaries"),
        call("glue:GetTable", f"{GLUE}:database/other"),
        call("glue:CreateTable", f"{GLUE}:table/reports/orders"),
        call("glue:DeleteTable", f"{GLUE}:table/reports/orders"),
        call("s3:GetObject", f"{DATA}/salaries/a"),
        call("s3:PutObject", f"{DATA}/orders/a"),
        call("s3:GetObject", f"{RESULTS}/other/a"),
        call("s3:DeleteObject", f"{RESULTS}/acme/a"),
        listing(DATA),
        listing(DATA, "acme/"),
        listing(RESULTS, "orders/"),
    ),
    "secret-read": (
        call("secretsmanager:GetSecretValue", SECRET.replace("importer", "importer-admin")),
        call("secretsmanager:GetSecretValue", SECRET.replace("importer", "admin")),
        call("secretsmanager:GetSecretValue", SECRET.replace(ACCOUNT, OTHER)),
        call("secretsmanager:PutSecretValue", SECRET),
        call("secretsmanager:GetResourcePolicy", SECRET),
        call("secretsmanager:ListSecrets", "*"),
        call("kms:Decrypt", KEY),
    ),
    "kms-decrypt": (
        call("kms:Decrypt", KEY.replace("1234abcd", "2234abcd")),
        call("kms:Decrypt", KEY.replace(ACCOUNT, OTHER)),
        call("kms:Encrypt", KEY),
        call("kms:GenerateDataKey", KEY),
        call("kms:CreateGrant", KEY),
        call("kms:PutKeyPolicy", KEY),
        call("kms:ScheduleKeyDeletion", KEY),
    ),
    "logs-read": (
        call("logs:FilterLogEvents", GROUP.replace("import", "import2")),
        call("logs:GetLogEvents", f"{GROUP}2:log-stream:a"),
        call("logs:FilterLogEvents", GROUP.replace(ACCOUNT, OTHER)),
        call("logs:PutLogEvents", f"{GROUP}:log-stream:a"),
        call("logs:DeleteLogGroup", GROUP),
        call("logs:PutSubscriptionFilter", GROUP),
        call("logs:DescribeLogGroups", "*"),
    ),
    "ecr-pull": (
        call("ecr:BatchGetImage", f"{REPOSITORY}2"),
        call("ecr:BatchGetImage", REPOSITORY.replace(ACCOUNT, OTHER)),
        call("ecr:PutImage", REPOSITORY),
        call("ecr:InitiateLayerUpload", REPOSITORY),
        call("ecr:SetRepositoryPolicy", REPOSITORY),
        call("ecr:DescribeRepositories", "*"),
    ),
    "sqs-send": (
        call("sqs:SendMessage", f"{QUEUE}2"),
        call("sqs:SendMessage", QUEUE.replace(ACCOUNT, OTHER)),
        call("sqs:ReceiveMessage", QUEUE),
        call("sqs:DeleteMessage", QUEUE),
        call("sqs:PurgeQueue", QUEUE),
        call("sqs:SetQueueAttributes", QUEUE),
        call("sqs:ListQueues", "*"),
    ),
    "read-only-all": (
        call("secretsmanager:GetSecretValue", SECRET),
        call("secretsmanager:BatchGetSecretValue", "*"),
        call("ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/a"),
        call("ssm:GetParametersByPath", f"arn:aws:ssm:{HERE}:parameter/a"),
        call("cognito-identity:GetCredentialsForIdentity", "*"),
        call("cognito-identity:GetOpenIdTokenForDeveloperIdentity", "*"),
        call("s3:PutObject", f"{BUCKET}/a"),
        call("iam:CreateUser", "*"),
        call("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/other"),
    ),
}
