"""Audit events in the words of those who read a grant's page. The names themselves are in `audit.events`."""

from collections.abc import Mapping
from typing import Final

from portal.audit.events import EventType
from portal.audit.models import AuditEvent

WORDS: Final[Mapping[str, str]] = {
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


def event_words(event: AuditEvent) -> str:
    kind = KINDS.get(str(event.details.get("kind", "")), "Session")
    return WORDS.get(event.type, event.type).replace("{kind}", kind)


def event_detail(event: AuditEvent) -> str:
    return next((str(event.details[key]) for key in TELLING if event.details.get(key)), "")
