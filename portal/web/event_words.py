"""Audit events in the words of those who read a grant's or a partner's page. Their names are in `audit.events`."""

from collections.abc import Mapping
from typing import Final

from portal.audit.events import EventType
from portal.audit.models import AuditEvent

# {kind}, {record}: of which kind a session was, and what a record is, by the event's details.
WORDS: Final[Mapping[str, str]] = {
    EventType.SIGN_IN_SUCCEEDED.value: "Signed in",
    EventType.SIGN_IN_REFUSED.value: "Sign-in refused",
    EventType.SIGNED_OUT.value: "Signed out",
    EventType.SIGN_IN_ENDED_BY_PROVIDER.value: "Signed out by the identity provider",
    EventType.SIGN_IN_LIMITED.value: "Too many tries to sign in",
    EventType.BREAK_GLASS_USED.value: "Signed in by the emergency account",
    EventType.IDENTITY_LINKED.value: "Another way to sign in added",
    EventType.IDENTITY_UNLINKED.value: "A way to sign in taken off",
    EventType.IDENTITY_GONE.value: "The identity provider says they left",
    EventType.IDENTITY_BACK.value: "The identity provider says they are back",
    EventType.PERSON_GROUPS_CHANGED.value: "Groups changed",
    EventType.FACTOR_ADDED.value: "Second factor added",
    EventType.FACTOR_REMOVED.value: "Second factor removed",
    EventType.FACTOR_GIVEN.value: "Second factor given",
    EventType.FACTOR_REFUSED.value: "Second factor refused",
    EventType.RECOVERY_CODES_MADE.value: "Recovery codes made",
    EventType.PASSWORD_SET.value: "Password set",
    EventType.SYNC_ASKED.value: "Sync of people asked for",
    EventType.SYNC_DONE.value: "People synced",
    EventType.SYNC_FAILED.value: "Sync of people failed",
    EventType.SYNC_STOPPED.value: "Sync of people stopped: too much would change",
    EventType.METADATA_REFRESHED.value: "Identity provider's metadata read anew",
    EventType.METADATA_OFFERED.value: "Identity provider offers new metadata",
    EventType.METADATA_ACCEPTED.value: "Identity provider's new metadata accepted",
    EventType.PROVIDER_TESTED.value: "Identity provider tried",
    EventType.SCIM_TOKEN_CREATED.value: "SCIM token made",
    EventType.SCIM_TOKEN_REVOKED.value: "SCIM token revoked",
    EventType.SCIM_USER_CHANGED.value: "Person changed by SCIM",
    EventType.SCIM_GROUP_CHANGED.value: "Group changed by SCIM",
    EventType.PERSON_ADMITTED.value: "Person added",
    EventType.PERSON_CHANGED.value: "Person changed",
    EventType.PARTNER_SUSPENDED.value: "Company suspended: what it had has ended",
    EventType.PARTNER_RESUMED.value: "Company resumed",
    EventType.PARTNER_ACCOUNT_ADDED.value: "AWS account added",
    EventType.PARTNER_ACCOUNT_CLOSED.value: "AWS account closed: what it had has ended",
    EventType.PARTNER_ADMIN_CHANGED.value: "No longer the company's admin",
    EventType.SPONSOR_ASKED.value: "Asked who answers for the company",
    EventType.SPONSOR_ANSWERED.value: "Settled who answers for the company",
    EventType.DEVICE_ASKED.value: "A program asked to be signed in",
    EventType.DEVICE_APPROVED.value: "A program signed in",
    EventType.DEVICE_DENIED.value: "A program's sign-in refused",
    EventType.ADMIN_APPOINTED.value: "Admin appointed",
    EventType.TOKEN_CREATED.value: "API token made",
    EventType.TOKEN_REVOKED.value: "API token revoked",
    EventType.RECORD_ADDED.value: "{record} added",
    EventType.RECORD_CHANGED.value: "{record} changed",
    EventType.RECORD_DELETED.value: "{record} deleted",
    EventType.SCOPE_OVERRULED.value: "Warnings about a scope overruled",
    EventType.ACCOUNT_HUB_CHANGED.value: "How an AWS account is reached changed",
    EventType.ACCOUNT_VERIFIED.value: "AWS account checked",
    EventType.GRANT_MADE.value: "Granted",
    EventType.GRANT_ACTIVATED.value: "Started",
    EventType.GRANT_EXPIRED.value: "Ended on time",
    EventType.GRANT_REVOKED.value: "Revoked",
    EventType.GRANT_RELEASED.value: "Given back",
    EventType.GRANT_SUSPENDED.value: "Suspended",
    EventType.GRANT_EXTENDED.value: "Extended",
    EventType.SESSIONS_CUT.value: "Sessions cut off after all",
    EventType.SESSION_ASKED.value: "{kind} asked for",
    EventType.SESSION_ISSUED.value: "{kind} issued",
    EventType.SESSION_FAILED.value: "{kind} failed",
    EventType.SESSION_DISCARDED.value: "{kind} thrown away: the grant had ended",
    EventType.SESSION_REFUSED.value: "{kind} refused",
    EventType.SESSION_HANDED_OUT.value: "Kept credentials handed out",
    EventType.CREDENTIAL_TOKEN_MADE.value: "Token for a program made",
    EventType.CREDENTIAL_TOKEN_REVOKED.value: "Token for a program revoked",
    EventType.USER_KEY_KEPT.value: "Own IAM user's key kept",
    EventType.USER_KEY_REMOVED.value: "Own IAM user's key removed",
    EventType.PROOF_REFUSED.value: "What was handed over as proof was refused",
    EventType.CONSOLE_LINK_MADE.value: "Console link made",
    EventType.CONSOLE_LINK_USED.value: "Console link used",
    EventType.REVOCATION_APPLIED.value: "Denied in AWS: the order stands",
    EventType.REVOCATION_FAILING.value: "AWS did not take the end; it is tried again",
    EventType.REVOCATION_REOPENED.value: "A late session is ended in AWS too",
    EventType.REVOCATION_RETRIED.value: "Tried again by hand",
    EventType.REVOCATION_PROVEN.value: "Proven: AWS refuses it",
    EventType.REVOCATION_NOT_PROVEN.value: "Applied, but not proven",
    EventType.REVOCATION_CLEANED.value: "Cleaned up in AWS",
    EventType.PROBE_MADE.value: "Tried whether AWS refuses it",
    EventType.DENY_PUT_BACK.value: "Changed in AWS by somebody else, put back",
    EventType.DENY_KEPT.value: "A deny of unknown origin is kept",
    EventType.ROLE_CUT.value: "Everybody on the role cut off",
    EventType.DIFFERENCE_REPAIRED.value: "A difference with AWS repaired",
    EventType.EXTERNAL_ID_MADE.value: "ExternalId made",
    EventType.EXTERNAL_ID_ROTATED.value: "ExternalId made anew",
    EventType.EXTERNAL_ID_PROVEN.value: "ExternalId proven",
    EventType.EXTERNAL_ID_NOT_PROVEN.value: "ExternalId not proven",
    EventType.PARTNER_ROLE_MADE.value: "Role made in AWS: the partner gets in",
    EventType.PARTNER_ROLE_CHANGED.value: "Role brought up to date in AWS",
    EventType.PARTNER_ROLE_FAILING.value: "AWS did not take the role; it is tried again",
    EventType.PARTNER_ROLE_CLOSED.value: "Role closed in AWS: nobody gets in, its sessions are cut",
    EventType.PARTNER_ROLE_GONE.value: "Role gone: AWS says there is none",
    EventType.DRIFT_FOUND.value: "Found different in AWS",
    EventType.DRIFT_ACCEPTED.value: "A difference in AWS accepted",
    EventType.DRIFT_REPAIR_ASKED.value: "A difference in AWS is being put right",
    EventType.DRIFT_OVER.value: "A difference in AWS is over",
    EventType.DOCTOR_ASKED.value: "The doctor was asked",
    EventType.ALARM_RAISED.value: "Alarm",
    EventType.ALARM_CLEARED.value: "Alarm over",
    EventType.HOLD_ENTERED.value: "Everything held",
    EventType.HOLD_RELEASED.value: "Hold released",
}
KINDS: Final = {"console": "Console sign-in", "credentials": "Credentials"}
# What an event's details say to people, the most telling first.
TELLING: Final = ("reason", "why", "detail", "error", "destination")
# Of whom or what it is where nothing tells more.
NAMED: Final = frozenset(
    {
        EventType.PERSON_ADMITTED.value,
        EventType.PERSON_CHANGED.value,
        EventType.PARTNER_ACCOUNT_ADDED.value,
        EventType.PARTNER_ACCOUNT_CLOSED.value,
        EventType.PARTNER_ADMIN_CHANGED.value,
        EventType.RECORD_ADDED.value,
        EventType.RECORD_DELETED.value,
        EventType.SCOPE_OVERRULED.value,
        EventType.CREDENTIAL_TOKEN_MADE.value,
        EventType.CREDENTIAL_TOKEN_REVOKED.value,
    }
)


def event_words(event: AuditEvent) -> str:
    told = event.details
    if event.type == EventType.PERSON_CHANGED and "is_active" in told:
        return "Person reactivated" if told["is_active"] else "Person deactivated"
    if event.type == EventType.PARTNER_ADMIN_CHANGED and told.get("is_admin"):
        return "Made the company's admin"
    record = str(told.get("record") or "record")
    kind = KINDS.get(str(told.get("kind", "")), "Session")
    words = WORDS.get(event.type, event.type)
    return words.replace("{kind}", kind).replace("{record}", f"{record[0].upper()}{record[1:]}")


def event_detail(event: AuditEvent) -> str:
    told = next((str(event.details[key]) for key in TELLING if event.details.get(key)), "")
    if not told and event.type in NAMED:
        told = str(event.details.get("name", ""))
    if not told and event.type == EventType.SPONSOR_ANSWERED:
        told = str(event.details.get("sponsor", ""))
    if not told and event.type == EventType.RECORD_CHANGED:
        told = ", ".join(str(each).replace("_", " ") for each in event.details.get("fields", ()))
    return told
