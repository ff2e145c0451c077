"""Whom a partner's role lets in: one account, or one role or user of it. Nothing wider is ever written."""

import re

from brokers.aws.limits_iam import PATH_AND_NAME_CHARACTERS
from brokers.aws.partitions import require_partition
from brokers.aws.shown import shown
from brokers.errors import LimitExceeded, NotPossible
from brokers.types import AccountPlace, Partition

_ALLOWED = (
    "arn:PARTITION:iam::ACCOUNT:root (the whole account), or role/NAME or user/NAME of it, without wildcards"
)
_PRINCIPAL = re.compile(
    r"arn:(?P<partition>aws|aws-cn|aws-us-gov):iam::(?P<account>[0-9]{12}):"
    r"(?:root|(?:role|user)(?P<path>/(?:[\w+=,.@-]+/)*)(?P<name>[\w+=,.@-]{1,64}))",
    re.ASCII,
)


def check_principal(arn: str, place: AccountPlace) -> None:
    """Refuse whoever isn't exactly one account, role or user elsewhere in the same partition.

    A role of one's own account is let in without its owner's leave: a partner's account is another.

    Raises:
        LimitExceeded: no such ARN: a wildcard, a newline, a bare account number, a session, `*`.
        NotPossible: another partition's; the account in which the role is made.
    """
    match = _PRINCIPAL.fullmatch(arn)
    if match is None or len((match["path"] or "") + (match["name"] or "")) > PATH_AND_NAME_CHARACTERS:
        raise LimitExceeded("Principal", shown(arn), _ALLOWED)
    require_partition(Partition(match["partition"]), place.partition, what="The partner's account")
    if match["account"] == place.account_id:
        raise NotPossible(
            f"Account {place.account_id} is the one in which the role is made: a partner comes from another."
        )
