"""What there is to grant: AWS accounts, the roles in them, and the scopes that narrow a role."""

from portal.catalog.models.accounts import AccountHub, AwsAccount
from portal.catalog.models.entitlements import Entitlement
from portal.catalog.models.roles import AwsRole
from portal.catalog.models.scopes import ScopeTemplate

__all__ = ["AccountHub", "AwsAccount", "AwsRole", "Entitlement", "ScopeTemplate"]
