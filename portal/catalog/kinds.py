"""The kinds of values that a scope's parameters take, and how each is read.

A value may be a name, or the ARN that AWS's console shows for it. An ARN must be of the grant's own account, partition
and region, and stands for its name: the policy writes the ARN itself. Each kind allows only what its AWS name allows,
so no wildcard, policy variable, quote or line break can come in through a parameter.

Source of the names: each service's API reference and the Service Authorization Reference ("Resource types").
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

REGIONS: Mapping[str, re.Pattern[str]] = {
    "aws": re.compile(r"(?!cn-|us-gov-|us-iso)[a-z]{2}-[a-z]+-[0-9]"),
    "aws-cn": re.compile(r"cn-[a-z]+-[0-9]"),
    "aws-us-gov": re.compile(r"us-gov-[a-z]+-[0-9]"),
}
ARN = re.compile(r"arn:([a-z0-9-]*):([a-z0-9-]*):([a-z0-9-]*):([0-9]*):([!-~]+)")
NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_KEY = r"(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})"


@dataclass(frozen=True, slots=True)
class OwnPlace:
    """What a value must belong to. `region`: that of the same scope's parameter; empty where it has none."""

    partition: str
    account_id: str
    region: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value. `allowed` ends the sentence '… must be …'.

    `arn_of`: the service and the start of the resource part of the ARN that may be given instead of the name. What
    follows is read by `from_arn`. `is_global`: such ARNs carry no account and no region (S3's).
    """

    pattern: re.Pattern[str]
    allowed: str
    example: str
    arn_of: tuple[str, str] | None = None
    from_arn: Callable[[str], str] = field(default=str)
    is_global: bool = False
    tidy: Callable[[str], str] = field(default=str)

    def read(self, value: object, own: OwnPlace) -> str:
        """Return the name that a value stands for.

        Raises:
            ValueError: why not, as a sentence that follows the parameter's name.
        """
        if not isinstance(value, str):
            raise ValueError(f"must be {self.says}.")  # noqa: TRY004  # one kind of refusal for all values
        name = self._name_in(value, own) if self.arn_of and value.startswith("arn:") else value
        name = self.tidy(name)
        if not self.pattern.fullmatch(name):
            raise ValueError(f"must be {self.says}.{_why_not(value)}")
        return name

    @property
    def says(self) -> str:
        return f"{self.allowed}, or its ARN" if self.arn_of else self.allowed

    def _name_in(self, value: str, own: OwnPlace) -> str:
        service, start = self.arn_of or ("", "")
        match = ARN.fullmatch(value)
        if match is None or match[2] != service or not match[5].startswith(start):
            raise ValueError(f"must be {self.says} (arn:{own.partition}:{service}:…:{start}…).")
        partition, _, region, account, rest = match.groups()
        if partition != own.partition:
            raise ValueError(
                f"is an ARN of partition {partition}; the account is in {own.partition}, and they never mix."
            )
        self._check_place(region, account, own)
        return self.from_arn(rest.removeprefix(start))

    def _check_place(self, region: str, account: str, own: OwnPlace) -> None:
        if self.is_global:
            if region or account:
                raise ValueError(
                    "is an ARN with a region or an account; a bucket's is arn:PARTITION:s3:::NAME."
                )
            return
        if account != own.account_id:
            raise ValueError(f"is an ARN of account {account or '(none)'}; it must be of {own.account_id}.")
        if not own.region:
            raise ValueError("is an ARN, and this scope asks for no region: give the name.")
        if region != own.region:
            raise ValueError(f"is an ARN of region {region or '(none)'}; the scope's region is {own.region}.")


def _why_not(value: str) -> str:
    """Say it where what came is a known way to get more than the words say."""
    if "${" in value:
        return " Policy variables (${…}) are not allowed."
    if "*" in value or "?" in value:
        return " Wildcards (* and ?) are not allowed."
    if any(not letter.isprintable() for letter in value):
        return " Line breaks and other control characters are not allowed."
    return ""


def _secret_name(rest: str) -> str:
    """Leave out the six letters that Secrets Manager puts after a secret's name in its ARN."""
    return re.sub(r"-[A-Za-z0-9]{6}\Z", "", rest)


def _log_group_name(rest: str) -> str:
    return rest.removesuffix(":*")


def _no_outer_slashes(text: str) -> str:
    return text.strip("/")


KINDS: Mapping[str, Kind] = {
    "bucket_name": Kind(
        re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
        "an S3 bucket name: 3 to 63 small letters, digits, dots and hyphens",
        "acme-reports",
        arn_of=("s3", ""),
        is_global=True,
    ),
    "key_prefix": Kind(
        re.compile(r"[A-Za-z0-9!_.()/=+@-]{1,256}"),
        "an S3 key prefix: 1 to 256 letters, digits and !_.()/=+@-",
        "2026/acme",
    ),
    "folder": Kind(
        re.compile(r"[A-Za-z0-9!_.()/=+@-]{1,256}"),
        "a folder in a bucket: 1 to 256 letters, digits and !_.()/=+@-",
        "exchange/acme",
        tidy=_no_outer_slashes,
    ),
    "resource_name": Kind(NAME, "1 to 128 letters, digits and _.-", "orders-2026"),
    "region": Kind(
        re.compile(r"[a-z]{2}(-[a-z]+){1,3}-[0-9]"), "an AWS region such as eu-central-1", "eu-central-1"
    ),
    "table_name": Kind(
        re.compile(r"[A-Za-z0-9_.-]{3,255}"),
        "a DynamoDB table's name: 3 to 255 letters, digits and _.-",
        "orders",
        arn_of=("dynamodb", "table/"),
    ),
    "queue_name": Kind(
        re.compile(r"(?=.{1,80}\Z)[A-Za-z0-9_-]+(\.fifo)?"),
        "an SQS queue's name: 1 to 80 letters, digits, _ and -, with .fifo at the end of a FIFO queue's",
        "orders-in",
        arn_of=("sqs", ""),
    ),
    "log_group": Kind(
        re.compile(r"[A-Za-z0-9_/.#-]{1,512}"),
        "a CloudWatch log group's name: 1 to 512 letters, digits and _/.#-",
        "/acme/import",
        arn_of=("logs", "log-group:"),
        from_arn=_log_group_name,
    ),
    "repository_name": Kind(
        re.compile(r"(?=.{2,256}\Z)[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"),
        "an ECR repository's name: 2 to 256 small letters, digits and ._-/",
        "acme/importer",
        arn_of=("ecr", "repository/"),
    ),
    "secret": Kind(
        re.compile(r"[A-Za-z0-9/_+=.@-]{1,505}"),
        "a secret's name: 1 to 505 letters, digits and /_+=.@-",
        "acme/importer",
        arn_of=("secretsmanager", "secret:"),
        from_arn=_secret_name,
    ),
    "kms_key": Kind(
        re.compile(_KEY),
        "a KMS key's id, such as 1234abcd-12ab-34cd-56ef-1234567890ab (an alias can't be bound in a policy)",
        "1234abcd-12ab-34cd-56ef-1234567890ab",
        arn_of=("kms", "key/"),
    ),
    "workgroup": Kind(
        re.compile(r"[A-Za-z0-9._-]{1,128}"),
        "an Athena workgroup's name: 1 to 128 letters, digits and ._-",
        "acme",
        arn_of=("athena", "workgroup/"),
    ),
    "database_name": Kind(
        re.compile(r"[a-z0-9_-]{1,128}"),
        "a Glue database's name: 1 to 128 small letters, digits, _ and -",
        "reports",
        arn_of=("glue", "database/"),
    ),
    "glue_table": Kind(
        re.compile(r"[a-z0-9_-]{1,128}"),
        "a Glue table's name, without its database: 1 to 128 small letters, digits, _ and -",
        "orders",
    ),
}
