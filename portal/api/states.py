"""The states that the API tells of, under names of their own in its description (ENUM_NAME_OVERRIDES)."""

from portal.access.lifecycle import DriftState, GrantState, PartnerRoleState

GRANT = [state.value for state in GrantState]
PARTNER_ROLE = [state.value for state in PartnerRoleState]
DRIFT = [state.value for state in DriftState]
