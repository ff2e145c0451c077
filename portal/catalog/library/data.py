"""Scopes of data that is asked for: tables, queries, secrets, keys."""

from portal.catalog.library.entries import ARN, HERE, OWN_BUCKET, REGION, LibraryScope, allow, listing

TABLE = f"{ARN}:dynamodb:{HERE}:table/{{{{table}}}}"
GLUE = f"{ARN}:glue:{HERE}"
DATA = (
    LibraryScope(
        key="dynamodb-table-read",
        name="DynamoDB table, read only",
        summary="Read all items of the table {{table}} and its indexes in {{region}}; change nothing",
        parameters={"table": "table_name", **REGION},
        statements=(
            allow(
                [
                    *("dynamodb:BatchGetItem", "dynamodb:DescribeTable", "dynamodb:GetItem"),
                    *("dynamodb:PartiQLSelect", "dynamodb:Query", "dynamodb:Scan"),
                ],
                [TABLE, f"{TABLE}/index/*"],
            ),
        ),
    ),
    LibraryScope(
        key="athena-table-query",
        name="Athena, query one table",
        summary="Query {{database}}.{{table}} in the Athena workgroup {{workgroup}}, read its data in {{data_bucket}}, "
        "write results under {{results_folder}}/ in {{results_bucket}}",
        parameters={
            "workgroup": "workgroup",
            "database": "database_name",
            "table": "glue_table",
            "data_bucket": "bucket_name",
            "data_folder": "folder",
            "results_bucket": "bucket_name",
            "results_folder": "folder",
            **REGION,
        },
        statements=(
            allow(
                [
                    *("athena:GetQueryExecution", "athena:GetQueryResults", "athena:GetWorkGroup"),
                    *("athena:StartQueryExecution", "athena:StopQueryExecution"),
                ],
                f"{ARN}:athena:{HERE}:workgroup/{{{{workgroup}}}}",
            ),
            allow(
                ["glue:GetDatabase", "glue:GetPartition", "glue:GetPartitions", "glue:GetTable"],
                [
                    f"{GLUE}:catalog",
                    f"{GLUE}:database/{{{{database}}}}",
                    f"{GLUE}:table/{{{{database}}}}/{{{{table}}}}",
                ],
            ),
            allow(
                ["s3:GetBucketLocation"],
                [f"{ARN}:s3:::{{{{data_bucket}}}}", f"{ARN}:s3:::{{{{results_bucket}}}}"],
            ),
            listing("{{data_bucket}}", "{{data_folder}}"),
            listing("{{results_bucket}}", "{{results_folder}}"),
            allow(
                ["s3:GetObject"],
                f"{ARN}:s3:::{{{{data_bucket}}}}/{{{{data_folder}}}}/*",
                Condition=OWN_BUCKET,
            ),
            allow(
                [
                    *("s3:AbortMultipartUpload", "s3:GetObject"),
                    *("s3:ListMultipartUploadParts", "s3:PutObject"),
                ],
                f"{ARN}:s3:::{{{{results_bucket}}}}/{{{{results_folder}}}}/*",
                Condition=OWN_BUCKET,
            ),
        ),
    ),
    LibraryScope(
        key="secret-read",
        name="Secrets Manager, one secret",
        summary="Read the secret {{secret}} in {{region}}, where AWS's own key encrypts it; change nothing",
        parameters={"secret": "secret", **REGION},
        statements=(
            # Its ARN ends in six letters that Secrets Manager chose. No other name is so long and begins so.
            allow(
                ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
                f"{ARN}:secretsmanager:{HERE}:secret:{{{{secret}}}}-??????",
            ),
        ),
    ),
    LibraryScope(
        key="kms-decrypt",
        name="KMS, decrypt with one key",
        summary="Decrypt with the KMS key {{key}} in {{region}}; encrypt nothing, and leave the key as it is",
        parameters={"key": "kms_key", **REGION},
        statements=(allow(["kms:Decrypt", "kms:DescribeKey"], f"{ARN}:kms:{HERE}:key/{{{{key}}}}"),),
    ),
)
