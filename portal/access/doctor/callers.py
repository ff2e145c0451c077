"""Who calls: with which keys, from which account, as which principal. Pure."""

from brokers.types import DriftKind
from portal.access.doctor.facts import DoctorStep, Facts, Verdict, account_of, role_name_of

ROOT = ":root"
GOT_IN = "They got in: the call that failed was made with the role's credentials."
# What AWS says of a caller's own keys, before it looks at any role.
OWN_KEYS = {
    "ExpiredToken": "Their own credentials are over, not the role's.",
    "ExpiredTokenException": "Their own credentials are over, not the role's.",
    "RequestExpired": "Their own credentials are over, or their clock is wrong.",
    "InvalidClientTokenId": "AWS doesn't know the access key that they call with.",
    "UnrecognizedClientException": "AWS doesn't know the access key that they call with.",
    "InvalidAccessKeyId": "AWS doesn't know the access key that they call with.",
    "SignatureDoesNotMatch": "The secret of their own access key is wrong, or their clock is.",
    "RequestTimeTooSkewed": "Their clock is wrong.",
    "RegionDisabledException": "STS is switched off in the region that they call.",
}
CLIENT_WORDS = {
    "unable to locate credentials": "Their AWS CLI has no credentials of its own: source_profile is missing or empty.",
    "could not be found": "Their AWS CLI has no such profile.",
    "partial credentials": "Their own credentials are incomplete.",
    "could not connect": "Their AWS CLI doesn't reach AWS.",
    "expiredtoken": "Their own credentials are over, not the role's.",
}


def client_step(facts: Facts) -> DoctorStep:
    """Look at what fails before any role is asked: their keys, their profile, their own session policy."""
    told = facts.told
    code, text = told.call.error_code, told.error_text.lower()
    if not text:
        return DoctorStep(
            "client", Verdict.UNKNOWN, "No error text was given, so their own set-up can't be judged."
        )
    words = OWN_KEYS.get(code) or next((why for word, why in CLIENT_WORDS.items() if word in text), "")
    if words and not facts.is_inside:
        return DoctorStep(
            "client",
            Verdict.STOPPED,
            words,
            "They mend their own AWS set-up, then try: aws sts get-caller-identity.",
        )
    if words:
        return DoctorStep("client", Verdict.STOPPED, "Their session is over.", "They assume the role again.")
    if "session policy" in told.because:
        return DoctorStep(
            "client",
            Verdict.STOPPED,
            "They narrow the session themselves: a session policy that they send forbids this call.",
            "They leave Policy and PolicyArns out of AssumeRole, or allow the call there.",
        )
    if _calls_as_themselves(facts):
        return DoctorStep(
            "client",
            Verdict.STOPPED,
            f"They called {told.action} as {facts.caller_arn}, which is themselves, and not with the role.",
            "They assume the role first: with the AWS CLI, by --profile with the profile that has role_arn.",
        )
    return DoctorStep("client", Verdict.OK, "Their own credentials got as far as AWS's decision.")


def _calls_as_themselves(facts: Facts) -> bool:
    action = facts.told.call.action
    is_theirs = account_of(facts.told.call.caller_arn) == facts.partner.account
    return is_theirs and bool(action) and not action.startswith("sts:")


def account_step(facts: Facts) -> DoctorStep:
    partner, came_from = facts.partner, facts.account
    if facts.is_inside:
        return DoctorStep("account", Verdict.OK, GOT_IN)
    if not came_from:
        return DoctorStep("account", Verdict.UNKNOWN, "Nobody says from which AWS account the call came.")
    if came_from == partner.account:
        return DoctorStep("account", Verdict.OK, f"The call came from {partner.name}'s account {came_from}.")
    known = partner.accounts.get(came_from)
    whose = f", {partner.name}'s account {known}" if known else ""
    return DoctorStep(
        "account",
        Verdict.STOPPED,
        f"The call came from account {came_from}{whose}; the role trusts {partner.account} "
        f"({partner.account_name}) alone.",
        f"Call from {partner.account}, or have a grant made for {came_from}.",
    )


def principal_step(facts: Facts) -> DoctorStep:
    trusted, caller = facts.role.principal_arn, facts.caller_arn
    if any(found.kind == DriftKind.PRINCIPAL_REMADE for found in facts.aws.differences):
        return DoctorStep(
            "principal",
            Verdict.STOPPED,
            f"{trusted} was deleted in the partner's account and made again: AWS trusts the old one alone, by its id.",
            "Repair the role's trust policy: Sallyport writes it anew, and AWS takes the new one.",
        )
    if facts.is_inside:
        return DoctorStep("principal", Verdict.OK, GOT_IN)
    return _named(caller, trusted)


def _named(caller: str, trusted: str) -> DoctorStep:
    if caller.endswith(ROOT):
        return DoctorStep(
            "principal",
            Verdict.STOPPED,
            "They called as their account's root user, which can't assume roles.",
            "Call as an IAM role or user of that account.",
        )
    if trusted.endswith(ROOT):
        return DoctorStep("principal", Verdict.OK, "The role trusts every role and user of their account.")
    if not caller:
        return DoctorStep("principal", Verdict.UNKNOWN, f"Nobody says who called; the role trusts {trusted}.")
    if _is_same(caller, trusted):
        return DoctorStep("principal", Verdict.OK, f"They called as {trusted}, which the role trusts.")
    return DoctorStep(
        "principal",
        Verdict.STOPPED,
        f"They called as {caller}; the role trusts {trusted} alone.",
        f"Call as {trusted}, or have a new grant made for that caller.",
    )


def _is_same(caller: str, trusted: str) -> bool:
    """Compare a caller with who is trusted; of an assumed role AWS shows the name alone, without its path."""
    if caller == trusted:
        return True
    name = role_name_of(trusted)
    return bool(name) and name == role_name_of(caller) and account_of(caller) == account_of(trusted)
