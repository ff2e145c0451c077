"""What a policy means that its author may not have meant: warnings, which an admin may overrule, and notes.

Codes of warnings: everything, all-of-a-service, all-but, all-resources-but, any-resource, unknown-service,
unknown-action, matches-nothing, wrong-resource, other-account, session-size, and those of `escalation.WAYS`.
Of notes: reads-secrets, any-account, unset-variable.
"""

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from brokers.aws.analysis import actions as table
from brokers.aws.analysis.actions import Action
from brokers.aws.analysis.escalation import SECRETS, WAYS
from brokers.aws.analysis.grammar import size_of
from brokers.aws.analysis.statements import Statement, read_statements
from brokers.aws.analysis.wildcards import is_wild, matches, overlap
from brokers.aws.limits import SESSION_POLICY_CHARACTERS
from brokers.types import PolicyFinding, Severity

_SHOWN = 4
_ACCOUNT, _ARN_PARTS = 12, 6


def meaning(policy: Mapping[str, Any], account_id: str) -> Sequence[PolicyFinding]:
    """Return what a policy of sound grammar means that should be looked at."""
    statements = read_statements(policy)
    denied = tuple(
        action
        for statement in statements
        if not statement.allows and statement.is_on_everything and not statement.condition
        for action in statement.actions
    )
    found: list[PolicyFinding] = []
    for statement in statements:
        found += _known(statement)
        if statement.allows:
            found += [*_breadth(statement), *_places(statement, account_id), *_ways(statement, denied)]
    return [*found, *_session_size(policy)]


def _warning(code: str, statement: Statement, text: str, advice: str = "") -> PolicyFinding:
    return PolicyFinding(Severity.WARNING, code, statement.where, text, advice)


def _note(code: str, statement: Statement, text: str, advice: str = "") -> PolicyFinding:
    return PolicyFinding(Severity.NOTE, code, statement.where, text, advice)


def _known(statement: Statement) -> Iterator[PolicyFinding]:
    """Look each action up. The table has an age, so what it lacks is no error."""
    for action in (*statement.actions, *statement.but_actions):
        prefix = action.partition(":")[0].lower()
        if action in {"*", "*:*"}:
            continue
        service = table.service(prefix)
        if service is None:
            yield _warning(
                "unknown-service",
                statement,
                f"{action}: no service has the prefix {prefix!a} by {table.source()}.",
                _did_you_mean(prefix, table.prefixes()),
            )
        elif not table.expand(action):
            code = "matches-nothing" if is_wild(action) else "unknown-action"
            names = [each.name for each in service.actions.values()]
            yield _warning(
                code,
                statement,
                f"{action}: {service.name} has no such action by {table.source()}.",
                _did_you_mean(action.partition(":")[2], names, prefix=f"{prefix}:"),
            )


def _did_you_mean(name: str, among: Sequence[str], *, prefix: str = "") -> str:
    near = difflib.get_close_matches(name, among, n=1, cutoff=0.7)
    return (
        f"Did you mean {prefix}{near[0]}?" if near else "Check the spelling; if it is newer, overrule this."
    )


def _breadth(statement: Statement) -> Iterator[PolicyFinding]:
    if statement.means_everything:
        yield _warning(
            "everything",
            statement,
            "It allows every action of every service.",
            "Name the actions that are needed.",
        )
        return
    if statement.but_actions:
        yield _warning(
            "all-but",
            statement,
            "Allow with NotAction: it allows all else, in every service, and what AWS adds.",
            "Name what is allowed in Action.",
        )
    if statement.but_resources:
        yield _warning(
            "all-resources-but",
            statement,
            "Allow with NotResource: it allows all other resources, also those of other accounts that let it.",
            "Name what is allowed in Resource.",
        )
    whole = [action for action in statement.actions if action.partition(":")[2] == "*"]
    if whole:
        yield _warning(
            "all-of-a-service",
            statement,
            f"{_some(whole)}: every action, those that delete and that change who may among them.",
            "Name the actions that are needed.",
        )
    yield from _any_resource(statement)


def _any_resource(statement: Statement) -> Iterator[PolicyFinding]:
    if not statement.is_on_everything:
        return
    could = sorted(str(action) for action in _meant(statement) if action.resources)
    if could:
        yield _warning(
            "any-resource",
            statement,
            f"Resource is *: {_some(could)} could be bound to resources and here mean all of them.",
            "Name the ARNs.",
        )


def _places(statement: Statement, account_id: str) -> Iterator[PolicyFinding]:
    """Look at each resource: whose it is, and whether any action of the statement takes it."""
    for resource in statement.resources:
        parts = resource.split(":", _ARN_PARTS - 1)
        owner = parts[4] if len(parts) == _ARN_PARTS else ""
        if len(owner) == _ACCOUNT and owner.isdigit() and owner != account_id:
            yield _warning(
                "other-account",
                statement,
                f"{resource} is in account {owner}, not in {account_id}.",
                "A role's scope is for its own account; overrule this where that account lets it in.",
            )
        elif is_wild(owner):
            yield _note(
                "any-account", statement, f"{resource} means that name in every account that lets it."
            )
        if "${" in resource:
            yield _note(
                "unset-variable",
                statement,
                f"{resource} has a policy variable: AWS fills it in at each call; without a value, nothing is meant.",
            )
    yield from _misplaced(statement)


def _misplaced(statement: Statement) -> Iterator[PolicyFinding]:
    """Find actions that none of the statement's resources fits: they allow nothing."""
    if statement.is_on_everything or not statement.resources:
        return
    named = [
        action for pattern in statement.actions if not is_wild(pattern) for action in table.expand(pattern)
    ]
    for action in named:
        if not action.resources:
            yield _warning(
                "wrong-resource",
                statement,
                f"{action} takes no resource: it is allowed only where Resource is *.",
                "Give it a statement of its own.",
            )
        elif not any(
            overlap(resource, kind) for resource in statement.resources for kind in action.resources
        ):
            kinds = " or ".join(kind.replace("%", "BUCKET") for kind in action.resources[:2])
            yield _warning(
                "wrong-resource",
                statement,
                f"{action} takes {kinds}; no resource here is such a one, so nothing is allowed.",
                "Give it the resource that it takes.",
            )


def _ways(statement: Statement, denied: Sequence[str]) -> Iterator[PolicyFinding]:
    if statement.means_everything:
        return  # said already: all of them

    def allowed(action: str) -> bool:
        return _names(statement, action) and not any(
            matches(each, action, ignore_case=True) for each in denied
        )

    for code, way in WAYS.items():
        if found := sorted(filter(allowed, way.actions)):
            yield _warning(code, statement, f"{_some(found)}: this {way.text}", way.advice)
    told = {action for way in WAYS.values() for action in way.actions}
    yield from _permissions(statement, allowed, told)
    if found := sorted(filter(allowed, SECRETS)):
        yield _note(
            "reads-secrets", statement, f"{_some(found)}: this shows secrets, which outlive the grant."
        )


def _permissions(
    statement: Statement, allowed: Callable[[str], bool], told: set[str]
) -> Iterator[PolicyFinding]:
    """Find what else AWS counts as managing permissions. Of NotAction it is said already that it is all else."""
    found = sorted(
        str(action)
        for action in _meant(statement)
        if action.level == "Permissions" and str(action) not in told and allowed(str(action))
    )
    if found:
        yield _warning(
            "permissions",
            statement,
            f"{_some(found)}: this manages permissions, by AWS's own word.",
            "Leave these out.",
        )


def _names(statement: Statement, action: str) -> bool:
    if statement.but_actions:
        return not any(matches(each, action, ignore_case=True) for each in statement.but_actions)
    return any(matches(each, action, ignore_case=True) for each in statement.actions)


def _meant(statement: Statement) -> Sequence[Action]:
    return [action for pattern in statement.actions for action in table.expand(pattern)]


def _session_size(policy: Mapping[str, Any]) -> Iterator[PolicyFinding]:
    characters = size_of(policy)
    if characters > SESSION_POLICY_CHARACTERS:
        yield PolicyFinding(
            Severity.WARNING,
            "session-size",
            "Policy",
            f"It has {characters:,} characters: a session policy has room for {SESSION_POLICY_CHARACTERS:,}.",
            "It can be used for partners' own accounts only.",
        )


def _some(names: Sequence[str]) -> str:
    shown, more = names[:_SHOWN], len(names) - _SHOWN
    return f"{', '.join(shown)} and {more} more" if more > 0 else ", ".join(shown)
