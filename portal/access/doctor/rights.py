"""Do the role's own policies let the call through: scope, denies, boundary, drift, and what only others see. Pure."""

from brokers.types import Decision, DriftKind, RoleDifference
from portal.access.doctor.facts import DenyKind, DoctorStep, Facts, Verdict

NOT_REACHED = "Getting in failed, which comes before it."
UNTOLD = "Nobody says which call failed with the role's credentials."
DENY_WORDS = {
    DenyKind.WINDOW: (
        "The role denies everything outside of the grant's window, also to sessions that were opened within it.",
        "A new grant has to be made.",
    ),
    DenyKind.CHAINING: (
        "They try to go on to a further role with this one's credentials: it denies that to everybody.",
        "Call the other role from their own account, if that one trusts them.",
    ),
    DenyKind.OWN_ROLE: (
        "They try to read or change the role itself: it denies that to everybody.",
        "Nothing to mend. Ask for a new grant where they need other rights.",
    ),
    DenyKind.SCOPE: (
        "A deny of the scope itself forbids this call.",
        "Choose another scope for a new grant, if they must be able to do this.",
    ),
}
# Which parts of a role decide about getting in, and which about what is done inside.
TRUST_PARTS = frozenset({"trust", "max_session"})
RIGHTS_PARTS = frozenset({"permissions", "boundary", "attached"})
# As AWS names it in its error: what it is, and who sees it.
OTHERS = {
    "service control policy": "a service control policy of an organisation",
    "resource control policy": "a resource control policy of an organisation",
    "resource-based policy": "the policy of the resource itself, such as a bucket's or a key's",
    "vpc endpoint policy": "the policy of a VPC endpoint on the way",
}


def drift_step(facts: Facts) -> DoctorStep:
    """Say whether the role differs from what it should be where it matters for this call."""
    if facts.aws.silent:
        return DoctorStep(
            "drift",
            Verdict.UNKNOWN,
            f"What stands in AWS could not be read: {facts.aws.silent.rstrip('.')}.",
            "Try again later; the rest was looked at without it.",
        )
    if facts.aws.is_there is None:
        detail = "It is being written at this moment: what stands in AWS was not compared."
        return DoctorStep("drift", Verdict.UNKNOWN, detail)
    found = [each for each in facts.aws.differences if each.kind != DriftKind.PRINCIPAL_REMADE]
    if not found:
        return DoctorStep("drift", Verdict.OK, "The role is in AWS as it should be.")
    words = "; ".join(f"{each.part}: {each.why.rstrip('.')}" for each in found)
    return DoctorStep(
        "drift",
        Verdict.STOPPED if any(_takes_away(each, facts) for each in found) else Verdict.MAYBE,
        f"Somebody changed the role in AWS. {words}.",
        "Repair it, then try again.",
    )


def _takes_away(found: RoleDifference, facts: Facts) -> bool:
    """Whether what was changed can only have taken something away that the failing call needs."""
    parts = RIGHTS_PARTS if facts.is_inside else TRUST_PARTS
    return facts.told.is_denied and found.kind == DriftKind.CHANGED and found.part in parts


def scope_step(facts: Facts) -> DoctorStep:
    told, scope = facts.told, facts.scope
    if facts.is_entering:
        return DoctorStep("scope", Verdict.OK, NOT_REACHED)
    if scope.decided is None:
        return DoctorStep("scope", Verdict.UNKNOWN, f"{UNTOLD} The scope allows: {_allowed(facts)}.")
    if scope.decided != Decision.NOT_ALLOWED:
        return DoctorStep("scope", Verdict.OK, f"The scope has {told.action}.")
    if scope.managed and "identity-based policy" not in told.because:
        names = ", ".join(scope.managed)
        return DoctorStep(
            "scope", Verdict.UNKNOWN, f"Whether {names} allows {told.action} can't be read here."
        )
    return _not_in_scope(facts)


def _not_in_scope(facts: Facts) -> DoctorStep:
    told, allowed = facts.told, _allowed(facts)
    if not facts.scope.reaches:
        return DoctorStep(
            "scope",
            Verdict.STOPPED,
            f"The scope doesn't have {told.action}. It allows: {allowed}.",
            "If they need it, make a new grant with a scope that has it.",
        )
    if not told.resource:
        return DoctorStep(
            "scope",
            Verdict.MAYBE,
            f"The scope has {told.action}, but not on everything, and nobody says on what. It allows: {allowed}.",
            "Look whether they name one of these.",
        )
    return DoctorStep(
        "scope",
        Verdict.STOPPED,
        f"The scope has {told.action}, but not on {told.resource}. It allows: {allowed}.",
        "Use what the scope names, or make a new grant for the other one.",
    )


def _allowed(facts: Facts) -> str:
    return "; ".join([*facts.scope.allows, *facts.scope.managed]) or "nothing"


def denies_step(facts: Facts) -> DoctorStep:
    denied_by = facts.scope.denied_by
    if facts.is_entering:
        return DoctorStep("denies", Verdict.OK, NOT_REACHED)
    if facts.scope.decided == Decision.EXPLICIT_DENY:
        detail, advice = DENY_WORDS[denied_by or DenyKind.SCOPE]
        return DoctorStep("denies", Verdict.STOPPED, detail, advice)
    if "explicit deny" in facts.told.because and "identity-based policy" in facts.told.because:
        return DoctorStep(
            "denies",
            Verdict.STOPPED,
            "AWS says that a deny in the role's own policies forbids it, and none that should be there does.",
            "Look at the grant: whether its sessions were cut, and whether the role was changed in AWS.",
        )
    if facts.scope.decided is None:
        return DoctorStep("denies", Verdict.UNKNOWN, UNTOLD)
    return DoctorStep("denies", Verdict.OK, "None of the role's denies concerns this call.")


def boundary_step(facts: Facts, *, is_unexplained: bool) -> DoctorStep:
    if facts.is_entering:
        return DoctorStep("boundary", Verdict.OK, NOT_REACHED)
    if "permissions boundary" in facts.told.because:
        return DoctorStep(
            "boundary",
            Verdict.STOPPED,
            f"The account's permissions boundary doesn't allow {facts.told.action or 'this call'}, "
            "so no role for a partner can.",
            "The account's owner widens SallyportPartnerBoundary, if partners shall be able to do this there.",
        )
    if is_unexplained:
        return DoctorStep(
            "boundary",
            Verdict.MAYBE,
            "The scope allows the call, and AWS refused it: the account's permissions boundary may not.",
            "The account's owner looks whether SallyportPartnerBoundary allows it.",
        )
    return DoctorStep("boundary", Verdict.UNKNOWN, "AWS doesn't name the permissions boundary.")


def organisation_step(facts: Facts, *, is_unexplained: bool) -> DoctorStep:
    """Policies that stand on neither of the two accounts' roles; seen by their owners alone."""
    whose = "on this side" if facts.is_inside else "on the partner's side or on this one"
    if named := named_by_aws(facts):
        return DoctorStep(
            "organisation",
            Verdict.MAYBE,
            f"AWS names {named}, {whose}. It can't be read from here.",
            "Whoever looks after it has to see whether it forbids this call.",
        )
    if is_unexplained:
        return DoctorStep(
            "organisation",
            Verdict.MAYBE,
            f"It can be a policy that can't be read from here: of an organisation or of the resource, {whose}.",
            "Whoever looks after those has to see whether one forbids this call.",
        )
    return DoctorStep("organisation", Verdict.UNKNOWN, "Policies of organisations can't be read from here.")


def named_by_aws(facts: Facts) -> str:
    """Return what policy of others AWS's error names; of a role its trust policy is the resource's, and read here."""
    for name, words in OTHERS.items():
        if name in facts.told.because and not (name == "resource-based policy" and facts.is_entering):
            return words
    return ""
