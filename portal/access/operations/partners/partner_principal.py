"""Whom a partner's role lets in: the partner's whole account, or one role or user of it."""

import re

from portal.directory.models import PartnerAccount
from portal.kernel.errors import InvalidError

LIMIT = 640
# A path may stand before the name. No wildcard: IAM takes none in a principal's ARN either.
_PRINCIPAL = re.compile(
    r"arn:(?P<partition>aws|aws-cn|aws-us-gov):iam::(?P<account>[0-9]{12}):"
    r"(?:root|(?:role|user)/(?:[A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,64})"
)


def root_of(account: PartnerAccount) -> str:
    """Return the principal that is the whole account."""
    return f"arn:{account.partition}:iam::{account.account_id}:root"


def checked_principal(arn: str, account: PartnerAccount) -> str:
    """Return the principal's ARN; empty: the whole account's.

    Raises:
        InvalidError: it names no single role or user of that account.
    """
    arn = arn.strip(" ")
    if not arn:
        return root_of(account)
    found = _PRINCIPAL.fullmatch(arn) if len(arn) <= LIMIT else None
    if found is None:
        hint = " Of an assumed role, name the role itself." if ":sts:" in arn else ""
        raise InvalidError(
            f"Name one role or user, such as arn:{account.partition}:iam::{account.account_id}:role/NAME, "
            f"without wildcards; or leave it empty for the whole account.{hint}",
            field="principal_arn",
        )
    if (found["partition"], found["account"]) != (account.partition, account.account_id):
        raise InvalidError(
            f"It must be in the partner's account {account.account_id}, in partition {account.partition}.",
            field="principal_arn",
        )
    return arn
