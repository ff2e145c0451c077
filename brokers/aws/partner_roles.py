"""The IAM roles by which partners come in from their own accounts: made, read, closed, taken away."""

from collections.abc import Callable, Sequence
from datetime import datetime

from brokers.aws.aws_errors import translated
from brokers.aws.check_provisioner import is_under_way
from brokers.aws.iam_calls import pages
from brokers.aws.partner_access import PartnerAccess
from brokers.aws.partner_checks import all_tags, check_spec, plain_description
from brokers.aws.partner_names import CLOSED_POLICY, PARTNERS_PATH, SCOPE_POLICY
from brokers.aws.patience import Patience
from brokers.aws.role_making import RoleMaking, WantedRole
from brokers.aws.role_policies import RolePolicies
from brokers.aws.role_reading import read_role
from brokers.aws.role_removing import RoleRemoving
from brokers.aws.session_names import TAG_GRANT
from brokers.aws.sts import utc_now
from brokers.errors import NotPossible
from brokers.types import AccountPlace, ListedRole, PartnerRoleSpec, StandingRole


class IamPartnerRoles(RolePolicies):
    """`brokers.ports.PartnerRoleMaker` over IAM. Safe to share between threads; one role has one writer at a time.

    IAM propagates in seconds to minutes: that it shows a role as it was written doesn't mean that it acts on it
    everywhere.
    """

    def __init__(
        self,
        accounts: PartnerAccess,
        *,
        patience: Patience | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(now=now)
        self._accounts = accounts
        self._patience = patience or Patience()

    def make(self, spec: PartnerRoleSpec) -> StandingRole:
        """Make the role or bring what stands to `spec`. See the port for what is raised.

        Calls: GetRole, CreateRole, PutRolePolicy, AttachRolePolicy each, and those of `read`. A role that was closed
        stays closed: NotPossible.
        """
        check_spec(spec)
        client = self._accounts.iam(spec.place)
        found = read_role(client, spec.name)
        if found is not None and CLOSED_POLICY in found.inline:
            # A worker that was overtaken must not open what another has closed.
            raise NotPossible(f"Role {spec.name} is closed, and none is opened again.")
        return RoleMaking(client, self._wanted(spec), self._patience).make(found)

    def read(self, place: AccountPlace, name: str) -> StandingRole | None:
        """Return the role as AWS shows it now. Of a role under another path than the portal's, no policies."""
        return read_role(self._accounts.iam(place), name)

    def close(self, place: AccountPlace, name: str, *, grant: str) -> bool:
        """Close the trust policy, then deny everything. Safe to repeat; False: there is no such role."""
        return self._removing(place, name, grant).close()

    def delete(self, place: AccountPlace, name: str, *, grant: str) -> None:
        """Take the role away, closed first. Safe to repeat."""
        self._removing(place, name, grant).delete()

    def list(self, place: AccountPlace) -> Sequence[ListedRole]:
        """Return all roles under the path of partners' roles, by name; twins stand at the path itself.

        Without what the check of an account makes there and takes away again within seconds.
        """
        found = pages(self._accounts.iam(place), "list_roles", "Roles", PathPrefix=PARTNERS_PATH)
        with translated("iam:ListRoles"):
            listed = [
                ListedRole(role["RoleName"], role["Path"], role["Arn"], role["RoleId"])
                for role in found
                if not is_under_way(role)
            ]
        return sorted(listed, key=lambda role: role.name)

    def _removing(self, place: AccountPlace, name: str, grant: str) -> RoleRemoving:
        return RoleRemoving(self._accounts.iam(place), place, name, {TAG_GRANT: grant}, self._patience)

    def _wanted(self, spec: PartnerRoleSpec) -> WantedRole:
        return WantedRole(
            place=spec.place,
            path=spec.path,
            name=spec.name,
            trust=self.trust_policy(spec),
            inline={SCOPE_POLICY: self.permissions(spec)},
            attached=spec.managed_policy_arns,
            max_session=spec.max_session,
            description=plain_description(spec.description),
            tags=all_tags(spec),
        )
