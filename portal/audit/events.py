"""What the audit trail can say. The grammar is `room.thing.happened`; a name, once written, is never reused."""

from enum import StrEnum


class EventType(StrEnum):
    """Every event there is."""

    SIGN_IN_SUCCEEDED = "directory.sign_in.succeeded"
    SIGN_IN_REFUSED = "directory.sign_in.refused"
    SIGNED_OUT = "directory.sign_in.ended"
    PERSON_ADMITTED = "directory.person.admitted"
    PERSON_CHANGED = "directory.person.changed"
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


class Outcome(StrEnum):
    """How it went: done as asked, refused by a rule, or failed on the way."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
