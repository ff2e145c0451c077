"""What the portal calls the roles that it makes for partners, and by what it knows them again: path, name, tags."""

from collections.abc import Mapping
from uuid import UUID

from brokers.aws.session_names import TAG_GRANT, decoded, encoded, grant_of, session_name
from brokers.aws.session_policy import OWN_PATH
from brokers.types import AccountPlace, Partition

PARTNERS_PATH = f"{OWN_PATH}partners/"
BOUNDARY_NAME = "SallyportPartnerBoundary"
SCOPE_POLICY = "SallyportScope"
CLOSED_POLICY = "SallyportClosed"
TAG_TWIN = "SallyportTwin"
_TWIN = "sp-twin-"


def role_name(grant: UUID) -> str:
    """Return the name of the role that is made for a grant: 29 characters, no other grant's."""
    return session_name(grant)


def twin_name(account: UUID) -> str:
    """Return the name of the twin for a partner's account: 34 characters, no other account's and no grant's."""
    return _TWIN + encoded(account)


def tag_of(name: str) -> Mapping[str, str]:
    """Return the tag that says for what a role of that name was made; empty where the name is none of the portal's."""
    grant, account = grant_of(name), decoded(name, _TWIN)
    if grant is not None:
        return {TAG_GRANT: str(grant)}
    return {} if account is None else {TAG_TWIN: str(account)}


def boundary_arn(place: AccountPlace) -> str:
    """Return the ARN of the permissions boundary, which the account's owner makes and the portal can't write."""
    return boundary_arn_in(place.partition, place.account_id)


def boundary_arn_in(partition: Partition, account_id: str) -> str:
    return f"arn:{partition}:iam::{account_id}:policy/{BOUNDARY_NAME}"
