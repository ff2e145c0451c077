"""Places in the AWS console that people mostly want, as whole addresses: what AWS's sign-in takes as Destination."""

from typing import Final

from brokers.types import Partition
from portal.catalog.consoles import CONSOLES
from portal.web.presenters import Destination

PLACES: Final = (
    ("Console home", "console/home"),
    ("S3", "s3/home"),
    ("CloudWatch", "cloudwatch/home"),
    ("EC2", "ec2/home"),
    ("Lambda", "lambda/home"),
    ("DynamoDB", "dynamodbv2/home"),
    ("RDS", "rds/home"),
    ("CloudFormation", "cloudformation/home"),
    ("IAM", "iam/home"),
)


def destinations(partition: Partition, *, region: str) -> tuple[Destination, ...]:
    """Return the places of one partition, in `region` where that is one of the partition's."""
    query = f"?region={region}" if partition_of(region) is partition else ""
    return tuple(Destination(f"{CONSOLES[partition]}/{path}{query}", label) for label, path in PLACES)


def partition_of(region: str) -> Partition:
    if region.startswith("cn-"):
        return Partition.CHINA
    return Partition.US_GOV if region.startswith("us-gov-") else Partition.AWS
