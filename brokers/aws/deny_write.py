"""One write of a principal's deny: room reckoned first, then put before taken away, each step safe to repeat."""

import json
from collections.abc import Mapping
from typing import Any

from brokers.aws import checks
from brokers.aws.deny_layout import INLINE, Part, arrange, order
from brokers.aws.inline_policies import InlinePolicies
from brokers.aws.limits_iam import INLINE_CHARACTERS, MANAGED_POLICIES_ATTACHED, MANAGED_POLICY_CHARACTERS
from brokers.aws.managed_policies import Attached, ManagedPolicies
from brokers.aws.revocation import denied_by, deny_document
from brokers.errors import AwsRefused, LimitExceeded
from brokers.types import DenyTarget

POLICY_NAME = "SallyportRevoked"


class DenyWrite:
    """The writing of one principal. The caller holds its lease: there is no other writer."""

    def __init__(self, target: DenyTarget, inline: InlinePolicies, managed: ManagedPolicies) -> None:
        self._target = target
        self._inline = inline
        self._managed = managed

    def clear(self) -> None:
        """Leave nothing of the portal's own behind, not even what a broken-off write made and didn't attach."""
        self._managed.remove(self._managed.there())
        self._inline.delete(POLICY_NAME)

    def put(self, wanted: Part) -> None:
        """Have exactly `wanted` denied."""
        attached = self._managed.attached()
        room = INLINE_CHARACTERS[self._target.kind] - self._others()
        try:
            if wanted.size > room:
                self._spread(wanted, attached, room)
            else:
                self._inline.put(POLICY_NAME, document_of(wanted))
                self._managed.remove(attached.slots)
        except AwsRefused as error:
            if error.aws_code != "LimitExceeded":
                raise
            # AWS's own reckoning counts. What stands inline is what it takes for sure.
            self._spread(wanted, self._managed.attached(), None)

    def _spread(self, wanted: Part, attached: Attached, room: int | None) -> None:
        """Write `wanted` over all policies. `room` None: what is the portal's own inline can't grow."""
        found = self._found(attached)
        parts = {slot: part_in(document) for slot, document in found.items()}
        standing = {slot: part for slot, part in parts.items() if part is not None}
        inline_room = standing.get(INLINE, Part()).size if room is None else room
        target = arrange(wanted, standing, self._rooms(found, attached, inline_room))
        if target is None:
            raise self._no_room(wanted, attached, inline_room)
        for slot in order(target, standing, found.keys() - standing.keys()):
            self._write(slot, document_of(target[slot]), exists=slot in found)
        gone = found.keys() - target.keys()
        self._managed.remove(gone - {INLINE})
        if INLINE in gone:
            self._inline.delete(POLICY_NAME)

    def _found(self, attached: Attached) -> Mapping[int, Mapping[str, Any]]:
        """Return the documents of the portal's own that stand; a policy of others under its name isn't there."""
        documents = {INLINE: self._inline.get(POLICY_NAME)}
        documents |= {slot: self._managed.read(slot) for slot in attached.slots}
        return {slot: document for slot, document in documents.items() if document is not None}

    @staticmethod
    def _rooms(found: Mapping[int, Any], attached: Attached, room: int) -> Mapping[int, int]:
        free = MANAGED_POLICIES_ATTACHED - attached.number
        taken = {*found, *attached.slots}
        new = [slot for slot in range(1, MANAGED_POLICIES_ATTACHED + 1) if slot not in taken]
        slots = [*sorted(found.keys() - {INLINE}), *new[: max(free, 0)]]
        return {INLINE: room, **dict.fromkeys(slots, MANAGED_POLICY_CHARACTERS)}

    def _write(self, slot: int, document: str, *, exists: bool) -> None:
        if slot == INLINE:
            self._inline.put(POLICY_NAME, document)
        else:
            (self._managed.replace if exists else self._managed.add)(slot, document)

    def _no_room(self, wanted: Part, attached: Attached, room: int) -> LimitExceeded:
        who = f"{self._target.kind} {self._target.name}"
        others = attached.number - len(attached.slots)
        return LimitExceeded(
            f"The number of denied sessions of {who}",
            f"{len(wanted.entries):,} sessions",
            f"what {max(room, 0):,} characters of inline policy hold beside others', and managed policies of "
            f"{MANAGED_POLICY_CHARACTERS:,} each: {MANAGED_POLICIES_ATTACHED} attached, {others} of them others'",
        )

    def _others(self) -> int:
        """Return the size of the principal's other inline policies. One that goes meanwhile counts nothing."""
        names = [name for name in self._inline.names() if name != POLICY_NAME]
        return sum(size_of(found) for found in map(self._inline.get, names) if found is not None)


def document_of(part: Part) -> str:
    """Return the compact JSON that denies `part`."""
    return json.dumps(deny_document(part.entries, part.issued_before), separators=(",", ":"))


def part_in(document: Mapping[str, Any]) -> Part | None:
    """Return what a document denies; None where the portal would not have written it like that."""
    found = denied_by(document)
    return None if found is None else Part(*found)


def size_of(document: Mapping[str, Any]) -> int:
    """Return a document's size as IAM counts it: characters (an escaped one would be six) but for white space."""
    return checks.iam_size(json.dumps(document, separators=(",", ":"), ensure_ascii=False))
