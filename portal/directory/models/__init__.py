"""Companies and people, how they prove who they are, and what was told of them."""

from portal.directory.models.devices import DeviceSignIn
from portal.directory.models.factors import AuthenticatorApp, LocalPassword, Passkey, RecoveryCode
from portal.directory.models.groups import Group, GroupMembership
from portal.directory.models.partners import (
    DataClass,
    Partner,
    PartnerAccount,
    PartnerContact,
    PartnerDocument,
    SponsorQuestion,
)
from portal.directory.models.people import Person
from portal.directory.models.providers import (
    ExternalIdentity,
    IdentityProvider,
    LdapSettings,
    OidcSettings,
    SamlSettings,
)
from portal.directory.models.provisioning import ScimGroup, ScimMembership, ScimUser, SyncRun
from portal.directory.models.sign_ins import PendingSignIn, SeenAssertion, SignIn
from portal.directory.models.tokens import ApiToken, ScimToken

__all__ = [
    "ApiToken",
    "AuthenticatorApp",
    "DataClass",
    "DeviceSignIn",
    "ExternalIdentity",
    "Group",
    "GroupMembership",
    "IdentityProvider",
    "LdapSettings",
    "LocalPassword",
    "OidcSettings",
    "Partner",
    "PartnerAccount",
    "PartnerContact",
    "PartnerDocument",
    "Passkey",
    "PendingSignIn",
    "Person",
    "RecoveryCode",
    "SamlSettings",
    "ScimGroup",
    "ScimMembership",
    "ScimToken",
    "ScimUser",
    "SeenAssertion",
    "SignIn",
    "SponsorQuestion",
    "SyncRun",
]
