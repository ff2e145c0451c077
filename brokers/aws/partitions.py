"""Partitions and what never mixes between them: console and sign-in hosts, ARNs, regions.

Source: AWS General Reference, "Amazon Resource Names"; IAM User Guide, "Enable custom identity broker
access".
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from brokers.aws.limits_iam import PATH_AND_NAME_CHARACTERS
from brokers.aws.service_model import limit_of
from brokers.aws.shown import shown
from brokers.errors import LimitExceeded, NotPossible
from brokers.types import Partition


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where a partition's people sign in and work."""

    console: str
    sign_in: str
    regions: re.Pattern[str]


HOSTS = {
    Partition.AWS: Hosts(
        "console.aws.amazon.com",
        "signin.aws.amazon.com",
        re.compile(r"(?!cn-)[a-z]{2}-[a-z]+-\d"),
    ),
    Partition.CHINA: Hosts("console.amazonaws.cn", "signin.amazonaws.cn", re.compile(r"cn-[a-z]+-\d")),
    Partition.US_GOV: Hosts(
        "console.amazonaws-us-gov.com", "signin.amazonaws-us-gov.com", re.compile(r"us-gov-[a-z]+-\d")
    ),
}

_DESTINATION_MAX = 2048
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PRINTABLE = re.compile(r"[!-\[\]-~]+")  # visible ASCII without the backslash, which browsers read as a slash
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_ROLE = re.compile(
    r"arn:(?P<partition>aws|aws-cn|aws-us-gov):iam::(?P<account>\d{12}):role"
    r"(?P<path>/(?:[\w+=,.@-]+/)*)(?P<name>[\w+=,.@-]{1,64})",
    re.ASCII,
)
_POLICY = re.compile(
    r"arn:(?P<partition>aws|aws-cn|aws-us-gov):iam::(?P<account>\d{12}|aws):policy"
    r"/(?:[A-Za-z0-9.,+@=_-]+/)*(?P<name>[\w+=,.@-]{1,128})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class RoleArn:
    """A role's ARN, taken apart. `path` begins and ends with a slash."""

    partition: Partition
    account_id: str
    path: str
    name: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:iam::{self.account_id}:role{self.path}{self.name}"


def parse_role_arn(text: str, *, field: str = "RoleArn") -> RoleArn:
    """Read a role ARN strictly: one role of one account; no wildcard, no newline, no other service.

    Raises:
        LimitExceeded: naming `field`, what came and what is allowed.
    """
    match = _ROLE.fullmatch(text) if len(text) <= _arn_max() else None
    if match is None or len(match["path"] + match["name"]) > PATH_AND_NAME_CHARACTERS:
        raise LimitExceeded(
            field, shown(text), "arn:PARTITION:iam::ACCOUNT:role/NAME, one role without wildcards"
        )
    return RoleArn(Partition(match["partition"]), match["account"], match["path"], match["name"])


def check_managed_policy_arn(text: str, *, partition: Partition, account_id: str | None) -> None:
    """Refuse a managed policy that STS can't apply: it lives in the role's account, or is AWS's own.

    `account_id` None: the caller doesn't know the account (GetFederationToken: the hub's own).

    Raises:
        LimitExceeded: not a managed policy's ARN.
        NotPossible: another partition's or another account's.
    """
    match = _POLICY.fullmatch(text) if len(text) <= _arn_max() else None
    if match is None:
        raise LimitExceeded(
            "PolicyArns", shown(text), "arn:PARTITION:iam::ACCOUNT:policy/NAME without wildcards"
        )
    require_partition(Partition(match["partition"]), partition, what="The managed policy")
    if account_id is not None and match["account"] not in ("aws", account_id):
        raise NotPossible(
            f"The managed policy is in account {match['account']}; a session policy must be AWS's own "
            f"or in the role's account {account_id}."
        )


def _arn_max() -> int:
    return limit_of("sts", "AssumeRole", "RoleArn").maximum or 0


def require_account_id(text: str) -> str:
    """Return a 12-digit account id, or raise LimitExceeded."""
    if _ACCOUNT.fullmatch(text) is None:
        raise LimitExceeded("AccountId", shown(text), "12 digits")
    return text


def require_partition(found: Partition, needed: Partition, *, what: str) -> None:
    """Raise NotPossible where two partitions would mix."""
    if found is not needed:
        raise NotPossible(f"{what} is in partition {found}, not {needed}; AWS partitions never mix.")


def sign_in_origin(partition: Partition, region: str | None = None) -> str:
    """Return the https origin that signs people in, of one region where a region is given."""
    hosts = HOSTS[partition]
    if region is None:
        return f"https://{hosts.sign_in}"
    if hosts.regions.fullmatch(region) is None:
        raise LimitExceeded("Region", shown(region), f"a region of partition {partition}")
    return f"https://{region}.{hosts.sign_in}"


def check_destination(partition: Partition, destination: str) -> None:
    """Allow a console deep link only to https on the partition's console host, or one label below it.

    Raises:
        NotPossible: anything that a browser might read otherwise, or that leads elsewhere.
    """
    console = HOSTS[partition].console
    if not _leads_to(destination, console):
        raise NotPossible(
            f"A console destination of partition {partition} is https://{console}/… (or REGION.{console}), "
            f"at most {_DESTINATION_MAX} characters; this is {shown(destination)}."
        )


def _leads_to(destination: str, console: str) -> bool:
    if len(destination) > _DESTINATION_MAX or _PRINTABLE.fullmatch(destination) is None:
        return False
    try:
        parts = urlsplit(destination)
    except ValueError:
        return False
    label, _, parent = parts.netloc.partition(".")
    on_console = parts.netloc == console or (parent == console and _LABEL.fullmatch(label) is not None)
    return parts.scheme == "https" and on_console
