"""Places in the AWS console that people mostly want, as whole addresses: what AWS's sign-in takes as Destination."""

from collections.abc import Mapping
from typing import Final

from brokers.types import Partition
from portal.catalog.consoles import CONSOLES
from portal.kernel.errors import InvalidError
from portal.web.presenters import Destination

# By the name that a link may say, with what people call it and where it is. The first are offered on each card.
SERVICES: Final[Mapping[str, tuple[str, str]]] = {
    "home": ("Console home", "console/home"),
    "s3": ("S3", "s3/home"),
    "cloudwatch": ("CloudWatch", "cloudwatch/home"),
    "ec2": ("EC2", "ec2/home"),
    "lambda": ("Lambda", "lambda/home"),
    "dynamodb": ("DynamoDB", "dynamodbv2/home"),
    "rds": ("RDS", "rds/home"),
    "cloudformation": ("CloudFormation", "cloudformation/home"),
    "iam": ("IAM", "iam/home"),
    "apigateway": ("API Gateway", "apigateway/home"),
    "athena": ("Athena", "athena/home"),
    "cloudfront": ("CloudFront", "cloudfront/v4/home"),
    "cloudtrail": ("CloudTrail", "cloudtrailv2/home"),
    "cognito": ("Cognito", "cognito/v2/home"),
    "config": ("Config", "config/home"),
    "ecr": ("ECR", "ecr/home"),
    "ecs": ("ECS", "ecs/v2/home"),
    "eks": ("EKS", "eks/home"),
    "elasticache": ("ElastiCache", "elasticache/home"),
    "eventbridge": ("EventBridge", "events/home"),
    "glue": ("Glue", "glue/home"),
    "kinesis": ("Kinesis", "kinesis/home"),
    "kinesisvideo": ("Kinesis Video Streams", "kinesisvideo/home"),
    "kms": ("KMS", "kms/home"),
    "opensearch": ("OpenSearch", "aos/home"),
    "organizations": ("Organizations", "organizations/v2/home"),
    "route53": ("Route 53", "route53/v2/home"),
    "sagemaker": ("SageMaker", "sagemaker/home"),
    "secretsmanager": ("Secrets Manager", "secretsmanager/home"),
    "sns": ("SNS", "sns/v3/home"),
    "sqs": ("SQS", "sqs/v3/home"),
    "ssm": ("Systems Manager", "systems-manager/home"),
    "stepfunctions": ("Step Functions", "states/home"),
    "vpc": ("VPC", "vpcconsole/home"),
}
OFFERED: Final = 9
LONGEST_REGION: Final = 32


def destinations(partition: Partition, *, region: str) -> tuple[Destination, ...]:
    """Return the offered places of one partition, in `region` where that is one of the partition's."""
    shown = region if partition_of(region) is partition else ""
    return tuple(
        Destination(_address(partition, path, shown), label)
        for label, path in list(SERVICES.values())[:OFFERED]
    )


def place(partition: Partition, to: str, *, region: str) -> Destination:
    """Return where a link leads by `to`: a service's name, in `region`, or a whole address as it is.

    An address is not judged here: the brokers do.

    Raises:
        InvalidError: no such service, or a region of another partition.
    """
    if "/" in to:
        return Destination(to, to)
    label, path = SERVICES.get(to.strip().lower() or "home", ("", ""))
    if not path:
        raise InvalidError(
            f"This link says to={to[:40]}. Known are a whole address in the AWS console, or: {', '.join(SERVICES)}.",
            field="to",
        )
    if region and (not _is_region(region) or partition_of(region) is not partition):
        raise InvalidError(
            f"This link says region={region[:40]}, which this account has not.", field="region"
        )
    address = _address(partition, path, region)
    return Destination(address, f"{label} in {region}" if region else label)


def _address(partition: Partition, path: str, region: str) -> str:
    return f"{CONSOLES[partition]}/{path}{f'?region={region}' if region else ''}"


def _is_region(region: str) -> bool:
    return len(region) <= LONGEST_REGION and all(
        part.isalnum() and part.isascii() for part in region.split("-")
    )


def partition_of(region: str) -> Partition:
    if region.startswith("cn-"):
        return Partition.CHINA
    return Partition.US_GOV if region.startswith("us-gov-") else Partition.AWS
