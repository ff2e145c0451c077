"""How AWS ends what a call gave, and by which key one session of it is cut off before. Pure; see `choice`.

Sources: IAM User Guide, "AWS global condition context keys", and per service "Actions, resources, and condition keys".
"""

from collections.abc import Mapping
from enum import StrEnum

from portal.access.choice_calls import Call, RoleFacts, call_of
from portal.access.policy import LENGTH_RULES


class Cut(StrEnum):
    """The condition keys of the deny that ends one session before its time, and nobody else's."""

    USERID = "aws:userid"
    USERID_AND_TIME = "aws:userid and aws:TokenIssueTime"
    COGNITO_SUB_AND_TIME = "cognito-identity.amazonaws.com:sub and aws:TokenIssueTime"
    OWN_ROLE = "the role itself"
    NOTHING = "nothing"


CUTS: Mapping[Call, Cut] = {
    Call.ASSUME_ROLE: Cut.USERID,
    Call.ASSUME_ROLE_CHAINED: Cut.USERID,
    Call.CROSS_ACCOUNT: Cut.OWN_ROLE,
    Call.FEDERATION_TOKEN: Cut.USERID,
    Call.SAML: Cut.USERID_AND_TIME,
    Call.WEB_IDENTITY: Cut.USERID,
    Call.SESSION_TOKEN: Cut.USERID_AND_TIME,
    Call.COGNITO: Cut.COGNITO_SUB_AND_TIME,
    Call.COGNITO_DEVELOPER: Cut.USERID,
    Call.ROOT_TASK: Cut.NOTHING,
}


def cut_of(role: RoleFacts) -> tuple[Cut, str]:
    """Return the key by which a live session is cut off, and how that is done; nothing where nothing can be written."""
    call = call_of(role)
    if call == Call.ROOT_TASK:
        return Cut.NOTHING, "Nothing cuts it off: it dies by itself within 15 minutes."
    if not role.has_kill_switch:
        return Cut.NOTHING, f"Nothing cuts it off: no deny can be written on {role.name}. It dies by itself."
    where = f"A deny on {role.name}, keyed to"
    words = {
        Call.FEDERATION_TOKEN: f"{where} aws:userid (account:name of the session), on the user that called.",
        Call.SAML: f"{where} aws:userid and aws:TokenIssueTime together, since the assertion names the session.",
        Call.SESSION_TOKEN: f"{where} aws:userid and aws:TokenIssueTime together; the long-lived key stays.",
        Call.COGNITO: f"{where} cognito-identity.amazonaws.com:sub and aws:TokenIssueTime: sessions share a name.",
        Call.CROSS_ACCOUNT: "Nobody new gets in by the role, who is in is denied everything, and it is taken away.",
    }
    return CUTS[call], words.get(call, f"{where} aws:userid (the role's id and the session's own name).")


def end_of(role: RoleFacts, *, carries_end: bool) -> str:
    """Say how AWS ends it when the time is over."""
    if role.method == "cross_account":
        return "Its role's own policies end it on the second, and the role is taken away."
    if carries_end:
        return "The end stands in its session policy as a deny: AWS refuses every call from that second on."
    if role.method == "cognito":
        return "By its hour alone: it is given only where the grant lasts an hour more at least."
    if role.method == "root_task":
        return "By its own length alone, 15 minutes at most: it is never asked for past the grant's end."
    call = LENGTH_RULES[role.method].call
    return f"By its own length alone: {call} is never asked for past the grant's end, and gives 15 minutes at least."
