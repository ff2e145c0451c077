"""Everything that is looked at before a partner's role is made: IAM's limits and what would never be safe.

Nothing is left for AWS to refuse half-way that can be known before. Figures as in `limits` and `limits_iam`.
"""

import re
from collections.abc import Mapping

from brokers.aws import checks, limits, limits_iam
from brokers.aws.partitions import (
    check_managed_policy_arn,
    parse_role_arn,
    require_account_id,
    require_partition,
)
from brokers.aws.partner_names import PARTNERS_PATH, TAG_TWIN, tag_of
from brokers.aws.partner_permissions import CLOSED, permissions
from brokers.aws.partner_principal import check_principal
from brokers.aws.service_model import limit_of
from brokers.aws.shown import shown
from brokers.aws.trust_policy import check_trust_size, document_of, trust_policy
from brokers.errors import LimitExceeded, NotPossible
from brokers.types import AccountPlace, PartnerRoleSizes, PartnerRoleSpec

_PATH = re.compile(re.escape(PARTNERS_PATH) + r"[a-z0-9-]{1,64}/", re.ASCII)
# What IAM takes in a description but for line ends: printable ASCII and Latin-1.
_NOT_IN_DESCRIPTION = re.compile(r"[^\x20-\x7e\xa1-\xff]")


def check_spec(spec: PartnerRoleSpec) -> PartnerRoleSizes:
    """Raise LimitExceeded or NotPossible where the role can't or mustn't be made; return its policies' sizes.

    The inline size counts the deny that closes the role too: there must always be room for it.
    """
    check_place(spec.place)
    _check_name(spec)
    check_principal(spec.principal_arn, spec.place)
    limits.role_max_session(spec.max_session)
    _check_managed(spec)
    _check_tags(all_tags(spec))
    trust = trust_policy(
        spec.principal_arn, spec.external_ids, starts_at=spec.starts_at, ends_at=spec.ends_at
    )
    check_trust_size(trust)
    inline = sum(checks.iam_size(document_of(policy)) for policy in (permissions(spec), CLOSED))
    checks.characters("Inline policy", inline, limits_iam.ROLE_INLINE_CHARACTERS)
    return PartnerRoleSizes(
        trust=checks.iam_size(document_of(trust)),
        trust_limit=limits_iam.TRUST_POLICY_CHARACTERS,
        inline=inline,
        inline_limit=limits_iam.ROLE_INLINE_CHARACTERS,
    )


def check_place(place: AccountPlace) -> None:
    """Refuse an account in which the portal has no provisioner, or one of another account or partition."""
    require_account_id(place.account_id)
    if not place.via_role_arn:
        raise NotPossible(f"Account {place.account_id} has no provisioner role: connect it first.")
    via = parse_role_arn(place.via_role_arn, field="The provisioner role")
    require_partition(via.partition, place.partition, what="The provisioner role")
    if via.account_id != place.account_id:
        raise NotPossible(
            f"The provisioner role is in account {via.account_id}, and roles are to be made in {place.account_id}."
        )


def all_tags(spec: PartnerRoleSpec) -> Mapping[str, str]:
    """Return the tags that the role bears: those of `spec`, and the one that says for which grant it is."""
    return {**spec.tags, **tag_of(spec.name)}


def plain_description(text: str) -> str:
    """Return a description as IAM takes it: one line, 1,000 characters; `?` for what is beyond Latin-1."""
    most = limit_of("iam", "CreateRole", "Description").maximum
    return _NOT_IN_DESCRIPTION.sub("?", " ".join(text.split()))[:most]


def _check_name(spec: PartnerRoleSpec) -> None:
    limits_iam.role_path_and_name(spec.path, spec.name)
    if _PATH.fullmatch(spec.path) is None:
        raise LimitExceeded("Path", shown(spec.path), f"{PARTNERS_PATH}PARTNER/, of a-z, 0-9 and -")
    made_for = tag_of(spec.name)
    if not made_for or TAG_TWIN in made_for:
        raise LimitExceeded("RoleName", shown(spec.name), "the name that is made from a grant")
    for key, value in made_for.items():
        if spec.tags.get(key, value) != value:
            raise NotPossible(f"The role's tag {key} names another grant than the role's name.")


def _check_managed(spec: PartnerRoleSpec) -> None:
    arns = spec.managed_policy_arns
    limits_iam.managed_policies_of_role(len(arns))
    for arn in arns:
        check_managed_policy_arn(arn, partition=spec.place.partition, account_id=spec.place.account_id)
    if len(set(arns)) != len(arns):
        raise NotPossible("A managed policy is attached to a role once.")


def _check_tags(tags: Mapping[str, str]) -> None:
    limits.session_tags(tags)
    for key in tags:
        # IAM tells no two keys apart by case, and keeps this prefix for itself.
        if key.lower().startswith("aws:"):
            raise LimitExceeded("Tags.Key", shown(key), "a key that doesn't begin with aws:")
    if len({key.lower() for key in tags}) != len(tags):
        raise NotPossible("Two tags of the role have the same key but for upper and lower case.")
