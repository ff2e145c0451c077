"""Scopes of what runs: logs, images, queues; and of looking at everything."""

from portal.catalog.library.entries import ARN, HERE, REGION, LibraryScope, allow

GROUP = f"{ARN}:logs:{HERE}:log-group:{{{{log_group}}}}"
# AWS's ReadOnlyAccess has no GetSecretValue. It has the parameters of Systems Manager, which often are secrets and
# which AWS's own key opens to whoever may read them, and calls of Cognito that hand out other credentials.
SECRETS = [
    *("cognito-identity:GetCredentialsForIdentity", "cognito-identity:GetOpenIdToken*"),
    *("secretsmanager:BatchGetSecretValue", "secretsmanager:GetSecretValue", "ssm:GetParameter*"),
]

OPERATE = (
    LibraryScope(
        key="logs-read",
        name="CloudWatch logs, one group",
        summary="Read and search the log group {{log_group}} in {{region}}; change nothing",
        parameters={"log_group": "log_group", **REGION},
        statements=(
            allow(
                [
                    *("logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents"),
                    *("logs:GetQueryResults", "logs:StartQuery"),
                ],
                [GROUP, f"{GROUP}:*"],
            ),
        ),
    ),
    LibraryScope(
        key="ecr-pull",
        name="ECR, pull images",
        summary="Pull images from the repository {{repository}} in {{region}}; push none",
        parameters={"repository": "repository_name", **REGION},
        statements=(
            # The registry's own sign-in names no repository, and by itself opens none.
            allow(["ecr:GetAuthorizationToken"], "*"),
            allow(
                ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                f"{ARN}:ecr:{HERE}:repository/{{{{repository}}}}",
            ),
        ),
    ),
    LibraryScope(
        key="sqs-send",
        name="SQS queue, send",
        summary="Send messages to the queue {{queue}} in {{region}}; read and delete none",
        parameters={"queue": "queue_name", **REGION},
        statements=(
            allow(
                ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"],
                f"{ARN}:sqs:{HERE}:{{{{queue}}}}",
            ),
        ),
    ),
    LibraryScope(
        key="read-only-all",
        name="Everything, read only",
        summary="Read everything in the account {{aws_account}}, files, tables and messages too, but no secrets and "
        "no parameters of Systems Manager; change nothing",
        managed_policy_arns=(f"{ARN}:iam::aws:policy/ReadOnlyAccess",),
        statements=(
            allow(["sts:GetCallerIdentity"], "*"),
            {"Effect": "Deny", "Action": SECRETS, "Resource": "*"},
        ),
    ),
)
