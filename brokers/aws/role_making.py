"""Makes a role as it should be, or brings the one that stands to it, call by call; each step is safe to repeat.

What limits the role comes before what gives it rights: a process that dies in between leaves nobody with more than
they should have. Source: IAM API reference, CreateRole, PutRolePolicy, UpdateAssumeRolePolicy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from brokers.aws.iam_calls import call
from brokers.aws.partner_names import BOUNDARY_NAME, boundary_arn, tag_of
from brokers.aws.patience import Patience
from brokers.aws.policy_form import same_policy
from brokers.aws.role_reading import read_role, require_own
from brokers.aws.trust_policy import document_of
from brokers.errors import AwsRefused, AwsUnavailable, LimitExceeded
from brokers.types import AccountPlace, StandingRole

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

Policy = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WantedRole:
    """A role as it is to stand, everything worked out. `inline`: documents by name; all others go."""

    place: AccountPlace
    path: str
    name: str
    trust: Policy
    inline: Mapping[str, Policy]
    attached: tuple[str, ...]
    max_session: timedelta
    description: str
    tags: Mapping[str, str]

    @property
    def seconds(self) -> int:
        return int(self.max_session.total_seconds())

    def as_created(self) -> StandingRole:
        """Return the role as it stands after CreateRole, without asking AWS, which may not show it yet."""
        return StandingRole(
            name=self.name,
            path=self.path,
            arn="",
            unique_id="",
            description=self.description,
            max_session=self.max_session,
            trust=self.trust,
            inline={},
            attached=(),
            boundary_arn=boundary_arn(self.place),
            tags=self.tags,
        )


class RoleMaking:
    """One role's making, by way of `client`. The caller holds its lease: there is no other writer."""

    def __init__(self, client: "IAMClient", wanted: WantedRole, patience: Patience) -> None:
        self._client = client
        self._wanted = wanted
        self._patience = patience

    def make(self, found: StandingRole | None) -> StandingRole:
        """Bring what was `found` (None: nothing) to what is wanted; return what AWS shows then.

        Raises:
            NotPossible: somebody else's role has the name.
            LimitExceeded: AWS has no room: an account's roles, a role's policies.
            AwsUnavailable: AWS doesn't show it yet as it was written.
        """
        standing = self._create() if found is None else found
        require_own(standing, self._wanted.place, tag_of(self._wanted.name))
        self._limit(standing)
        self._give(standing)
        self._describe(standing)
        return self._read_back()

    def _create(self) -> StandingRole:
        wanted = self._wanted
        try:
            self._call(
                "create_role",
                Path=wanted.path,
                AssumeRolePolicyDocument=document_of(wanted.trust),
                Description=wanted.description,
                MaxSessionDuration=wanted.seconds,
                PermissionsBoundary=boundary_arn(wanted.place),
                Tags=_as_list(wanted.tags),
            )
        except AwsRefused as error:
            return self._not_created(error)
        return wanted.as_created()

    def _not_created(self, error: AwsRefused) -> StandingRole:
        if error.aws_code == "EntityAlreadyExists":
            # Made by a call whose answer was lost, and not shown when it was looked for.
            found = self._patience.until(lambda: read_role(self._client, self._wanted.name))
            if found is None:
                raise AwsUnavailable(error.operation, f"{error.aws_code}: {error.detail}") from None
            return found
        if error.aws_code == "NoSuchEntity":
            place = self._wanted.place
            words = f"{error.detail} Account {place.account_id} needs the managed policy {BOUNDARY_NAME}."
            raise AwsRefused(error.operation, error.aws_code, words, error.request_id) from None
        raise error

    def _limit(self, found: StandingRole) -> None:
        wanted = self._wanted
        if found.boundary_arn != boundary_arn(wanted.place):
            self._write("put_role_permissions_boundary", PermissionsBoundary=boundary_arn(wanted.place))
        if not self._is_same(wanted.trust, found.trust):
            self._write("update_assume_role_policy", PolicyDocument=document_of(wanted.trust))
        # What others put goes first: beside it there may be no room.
        for name in sorted(found.inline.keys() - wanted.inline.keys()):
            self._take_away("delete_role_policy", PolicyName=name)
        for arn in sorted(set(found.attached) - set(wanted.attached)):
            self._take_away("detach_role_policy", PolicyArn=arn)

    def _give(self, found: StandingRole) -> None:
        for name, policy in self._wanted.inline.items():
            if name not in found.inline or not self._is_same(policy, found.inline[name]):
                self._write("put_role_policy", PolicyName=name, PolicyDocument=document_of(policy))
        for arn in sorted(set(self._wanted.attached) - set(found.attached)):
            self._write("attach_role_policy", PolicyArn=arn)

    def _describe(self, found: StandingRole) -> None:
        wanted = self._wanted
        if (found.description, found.max_session) != (wanted.description, wanted.max_session):
            self._write("update_role", Description=wanted.description, MaxSessionDuration=wanted.seconds)
        tags = own_tags(found)
        extra = sorted(tags.keys() - wanted.tags.keys())
        if extra:
            self._write("untag_role", TagKeys=extra)
        changed = {key: value for key, value in wanted.tags.items() if tags.get(key) != value}
        if changed:
            self._write("tag_role", Tags=_as_list(changed))

    def _read_back(self) -> StandingRole:
        shown = self._patience.until(self._shown)
        if shown is None:
            raise AwsUnavailable("iam:GetRole", f"role {self._wanted.name} isn't shown yet as it was written")
        return shown

    def _shown(self) -> StandingRole | None:
        found = read_role(self._client, self._wanted.name)
        return found if found is not None and self._is_wanted(found) else None

    def _is_wanted(self, found: StandingRole) -> bool:
        wanted = self._wanted
        return (
            self._is_same(wanted.trust, found.trust)
            and wanted.inline.keys() == found.inline.keys()
            and all(self._is_same(policy, found.inline[name]) for name, policy in wanted.inline.items())
            and set(wanted.attached) == set(found.attached)
            and found.boundary_arn == boundary_arn(wanted.place)
            and (found.description, found.max_session) == (wanted.description, wanted.max_session)
            and own_tags(found) == wanted.tags
        )

    def _is_same(self, one: Policy, other: Policy) -> bool:
        return same_policy(one, other, self._wanted.place.partition)

    def _write(self, method: str, **parameters: Any) -> None:
        self._patience.once_there(lambda: self._call(method, **parameters))

    def _take_away(self, method: str, **parameters: Any) -> None:
        try:
            self._call(method, **parameters)
        except AwsRefused as error:
            if error.aws_code != "NoSuchEntity":
                raise

    def _call(self, method: str, **parameters: Any) -> Any:
        try:
            return call(self._client, method, RoleName=self._wanted.name, **parameters)
        except AwsRefused as error:
            if error.aws_code != "LimitExceeded":
                raise
            place = self._wanted.place
            raise LimitExceeded(f"Account {place.account_id}", error.operation, error.detail) from None


def own_tags(role: StandingRole) -> Mapping[str, str]:
    """Return a role's tags without those that AWS itself sets, which nobody can take away."""
    return {key: value for key, value in role.tags.items() if not key.startswith("aws:")}


def _as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
