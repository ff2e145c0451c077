"""What a scope must look like to be merged into a session policy. Grammar only, not what it allows.

Source: IAM User Guide, "IAM JSON policy element reference" and "Grammar of the IAM JSON policy language".
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from brokers.errors import NotPossible

_VERSION = "2012-10-17"
_DOCUMENT_KEYS = {"Version", "Id", "Statement"}
_STATEMENT_KEYS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
_SID = re.compile(r"[A-Za-z0-9]{0,64}")
_RESERVED = "Sallyport"


def scope_statements(policy: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the statements of a scope's policy as a list.

    Raises:
        NotPossible: with the one thing that is wrong, in a sentence.
    """
    _only(policy, _DOCUMENT_KEYS, "A scope's policy")
    # Under the old version 2008-10-17 policy variables are plain text; the merged policy has the new one.
    _require(policy.get("Version") == _VERSION, f"A scope's policy says Version {_VERSION}.")
    found = policy.get("Statement")
    statements = [found] if isinstance(found, Mapping) else found
    if not isinstance(statements, list) or not statements:
        raise NotPossible("A scope's policy has at least one statement.")
    for number, statement in enumerate(statements, 1):
        _check_statement(statement, f"Statement {number} of the scope")
    _check_sids(statements)
    _require(any(s["Effect"] == "Allow" for s in statements), "A scope's policy allows something.")
    return statements


def _check_statement(statement: Any, where: str) -> None:
    _require(isinstance(statement, Mapping), f"{where} is an object.")
    _only(statement, _STATEMENT_KEYS, where)
    _require(statement.get("Effect") in ("Allow", "Deny"), f"{where} has the Effect Allow or Deny.")
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource")):
        _require((one in statement) != (other in statement), f"{where} has either {one} or {other}.")
        values = statement[one] if one in statement else statement[other]
        _require(_are_words(values), f"{where} names at least one {one}, as text.")
    _require(isinstance(statement.get("Condition", {}), Mapping), f"{where} has an object as Condition.")


def _check_sids(statements: Sequence[Mapping[str, Any]]) -> None:
    sids = [s["Sid"] for s in statements if "Sid" in s]
    _require(all(isinstance(s, str) and _SID.fullmatch(s) for s in sids), "A Sid is letters and digits.")
    _require(len(set(sids)) == len(sids), "No two statements of a scope have the same Sid.")
    _require(not any(s.startswith(_RESERVED) for s in sids), f"A scope's Sid doesn't begin with {_RESERVED}.")


def _are_words(values: Any) -> bool:
    listed = [values] if isinstance(values, str) else values
    return isinstance(listed, list) and bool(listed) and all(isinstance(v, str) and v for v in listed)


def _only(found: Mapping[str, Any], allowed: set[str], where: str) -> None:
    for key in found:
        _require(key in allowed, f"{where} can't have the element {key!a} in a session policy.")


def _require(holds: bool, why: str) -> None:  # noqa: FBT001  # reads as a sentence at each call
    if not holds:
        raise NotPossible(why)
