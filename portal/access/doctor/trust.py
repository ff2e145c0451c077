"""What they send with AssumeRole: ExternalId, tags, duration; and whether their own policies let them. Pure."""

import json
from datetime import datetime, timedelta

from portal.access.doctor.callers import GOT_IN
from portal.access.doctor.facts import DoctorStep, Facts, Verdict, role_name_of
from portal.access.policy import CHAINED_LIMIT, STS_FLOOR
from portal.kernel.periods import utc_clock


def external_id_step(facts: Facts) -> DoctorStep:
    sent = facts.told.external_id
    if facts.is_inside:
        return DoctorStep("external_id", Verdict.OK, GOT_IN)
    if sent is None:
        detail = "Nobody says which ExternalId they send; AWS refuses whoever sends another or none."
        return DoctorStep("external_id", Verdict.UNKNOWN, detail, "Compare theirs with the one shown here.")
    if not sent:
        return DoctorStep(
            "external_id",
            Verdict.STOPPED,
            "They send no ExternalId: the role refuses everybody who sends none.",
            "Put external_id into their AWS profile, or send ExternalId with AssumeRole.",
        )
    for known in facts.external_ids:
        if known.value == sent:
            return _known_id(known.accepted_until, facts)
    near = next(
        (each for each in facts.external_ids if each.value == sent.strip(" \t\r\n\"'{}").lower()), None
    )
    if near is not None:
        return DoctorStep(
            "external_id",
            Verdict.STOPPED,
            "It is their ExternalId, but written otherwise: capitals, spaces or quotes count.",
            "Copy it as it is shown here.",
        )
    whose = f" It is {facts.anothers_id}'s." if facts.anothers_id else ""
    return DoctorStep(
        "external_id",
        Verdict.STOPPED,
        f"The ExternalId that they send was never that of {facts.partner.account_name}.{whose}",
        "Use the current one, as it is shown here.",
    )


def _known_id(accepted_until: datetime | None, facts: Facts) -> DoctorStep:
    at = facts.told.at
    was_rotated = len(facts.external_ids) > 1
    if accepted_until is None and was_rotated and facts.role.has_changes_under_way:
        return DoctorStep(
            "external_id",
            Verdict.MAYBE,
            "They send the current ExternalId, and it is being brought to AWS at this moment.",
            "Try again in a minute.",
        )
    if accepted_until is None:
        return DoctorStep("external_id", Verdict.OK, "They send the current ExternalId.")
    if at >= accepted_until:
        return DoctorStep(
            "external_id",
            Verdict.STOPPED,
            f"They send an old ExternalId, which AWS refuses since {utc_clock(accepted_until)}.",
            "Use the current one, as it is shown here.",
        )
    return DoctorStep(
        "external_id",
        Verdict.OK,
        f"They send the old ExternalId, which is accepted until {utc_clock(accepted_until)}.",
        "Change to the current one before then.",
    )


def session_step(facts: Facts) -> DoctorStep:
    """Look at what they send with the call that the trust policy doesn't allow: tags, a source identity."""
    told = facts.told
    if facts.is_inside:
        return DoctorStep("session", Verdict.OK, GOT_IN)
    if told.sends_tags or told.call.action == "sts:TagSession":
        return DoctorStep(
            "session",
            Verdict.STOPPED,
            "They send session tags, which the role doesn't allow (sts:TagSession).",
            "Leave the tags out of AssumeRole; also those that their single sign-on passes on.",
        )
    if told.sends_source_identity or told.call.action == "sts:SetSourceIdentity":
        return DoctorStep(
            "session",
            Verdict.STOPPED,
            "They send a source identity, which the role doesn't allow (sts:SetSourceIdentity).",
            "Leave SourceIdentity out of AssumeRole.",
        )
    if told.call.action == "sts:AssumeRole":
        return DoctorStep("session", Verdict.OK, "It was not tags or a source identity that AWS refused.")
    return DoctorStep("session", Verdict.UNKNOWN, "Nobody says whether they send tags or a source identity.")


def duration_step(facts: Facts) -> DoctorStep:
    told, longest = facts.told, facts.role.max_session
    asked = told.duration
    if facts.is_inside:
        return DoctorStep("duration", Verdict.OK, GOT_IN)
    is_chained = role_name_of(facts.caller_arn) != ""
    says_chained = "role chaining" in told.error_text
    if says_chained or (asked is not None and is_chained and asked > CHAINED_LIMIT):
        return DoctorStep(
            "duration",
            Verdict.STOPPED,
            "They call with another role's credentials and ask for more than an hour: AWS gives an hour at most then.",
            "Leave duration_seconds out, or set it to 3600.",
        )
    if "MaxSessionDuration" in told.error_text or (asked is not None and asked > longest):
        told_seconds = f"{_seconds(asked)} seconds" if asked is not None else "more"
        return DoctorStep(
            "duration",
            Verdict.STOPPED,
            f"They ask for {told_seconds}; this role's sessions last {_seconds(longest)} seconds at most.",
            f"Set duration_seconds to {_seconds(longest)} or less.",
        )
    if asked is not None and asked < STS_FLOOR:
        return DoctorStep(
            "duration",
            Verdict.STOPPED,
            f"They ask for {_seconds(asked)} seconds; AWS's shortest session is {_seconds(STS_FLOOR)}.",
            f"Set duration_seconds to {_seconds(STS_FLOOR)} or more.",
        )
    if asked is None and not told.is_denied:
        return DoctorStep("duration", Verdict.UNKNOWN, "Nobody says how long a session they ask for.")
    return DoctorStep("duration", Verdict.OK, "The length of the session is not what AWS refused.")


def _seconds(span: timedelta) -> str:
    return f"{round(span.total_seconds()):,}"


def their_policy_step(facts: Facts, *, is_unexplained: bool) -> DoctorStep:
    """Only the partner sees it: whether their own policies let the caller call AssumeRole on the role."""
    if facts.is_inside:
        return DoctorStep("their_policy", Verdict.OK, GOT_IN)
    says_so = facts.is_entering and "identity-based policy" in facts.told.because
    if not (is_unexplained or says_so):
        detail = "Whether their own policies let them assume the role can't be seen from here."
        return DoctorStep("their_policy", Verdict.UNKNOWN, detail)
    who = facts.caller_arn or "whoever calls"
    return DoctorStep(
        "their_policy",
        Verdict.MAYBE,
        f"{'AWS says so' if says_so else 'It can be'}: in their own account, no policy lets {who} assume the role.",
        "Their admin adds this statement to the caller's policy:",
        paste=statement(facts.role.arn),
    )


def statement(role_arn: str) -> str:
    """Return the statement that a partner's own policy needs."""
    told = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role_arn}
    return json.dumps(told, indent=2)
