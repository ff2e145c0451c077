"""What the audit trail can say. The grammar is `room.thing.happened`; a name, once written, is never reused."""

from enum import StrEnum


class EventType(StrEnum):
    """Every event there is."""

    SIGN_IN_SUCCEEDED = "directory.sign_in.succeeded"
    SIGN_IN_REFUSED = "directory.sign_in.refused"
    SIGNED_OUT = "directory.sign_in.ended"
    PERSON_ADMITTED = "directory.person.admitted"
    PERSON_CHANGED = "directory.person.changed"
    PARTNER_SUSPENDED = "directory.partner.suspended"
    PARTNER_RESUMED = "directory.partner.resumed"
    ADMIN_APPOINTED = "directory.admin.appointed"
    TOKEN_CREATED = "directory.token.created"  # noqa: S105  # an event's name
    TOKEN_REVOKED = "directory.token.revoked"  # noqa: S105  # an event's name
    RECORD_ADDED = "staff.record.added"
    RECORD_CHANGED = "staff.record.changed"
    RECORD_DELETED = "staff.record.deleted"
    GRANT_MADE = "access.grant.made"
    GRANT_ACTIVATED = "access.grant.activated"
    GRANT_EXPIRED = "access.grant.expired"
    GRANT_REVOKED = "access.grant.revoked"
    GRANT_RELEASED = "access.grant.released"
    GRANT_SUSPENDED = "access.grant.suspended"
    GRANT_EXTENDED = "access.grant.extended"
    SESSIONS_CUT = "access.grant.sessions_cut"
    SESSION_ASKED = "access.session.asked"
    SESSION_ISSUED = "access.session.issued"
    SESSION_FAILED = "access.session.failed"
    SESSION_DISCARDED = "access.session.discarded"
    SESSION_REFUSED = "access.session.refused"
    CONSOLE_LINK_MADE = "access.console_link.made"
    CONSOLE_LINK_USED = "access.console_link.used"
    REVOCATION_APPLIED = "access.revocation.applied"
    REVOCATION_FAILING = "access.revocation.failing"
    REVOCATION_REOPENED = "access.revocation.reopened"
    REVOCATION_RETRIED = "access.revocation.retried"
    REVOCATION_PROVEN = "access.revocation.proven"
    REVOCATION_NOT_PROVEN = "access.revocation.not_proven"
    REVOCATION_CLEANED = "access.revocation.cleaned"
    PROBE_MADE = "access.probe.made"
    DENY_PUT_BACK = "access.deny.put_back"
    DENY_KEPT = "access.deny.kept"
    ROLE_CUT = "access.role.cut"
    DIFFERENCE_REPAIRED = "access.difference.repaired"
    ALARM_RAISED = "access.alarm.raised"
    ALARM_CLEARED = "access.alarm.cleared"
    HOLD_ENTERED = "access.hold.entered"
    HOLD_RELEASED = "access.hold.released"


class Outcome(StrEnum):
    """How it went: done as asked, refused by a rule, or failed on the way."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
