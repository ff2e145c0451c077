"""100,000 mutations of a valid response: only the untouched one gets in, and none takes over 100 ms.

All of them, by every core (a test per 2,000; `make test` makes do with the first, CI with ten):

    SOAK=1 REQUIRE_SERVICES=1 python -m pytest -n 2 -q tests/unit/brokers/saml/test_mutations.py

Or in one process, which prints the figures: `python -m tests.unit.brokers.saml.test_mutations 100000`.

Every other one is of a response that is signed as a whole, the rest of one whose assertion is signed. What gets in must
be the same by canonical XML in all that the signature covers, and speak of the same person in every word.

Time is the process's CPU time: on a machine that is shared, the clock on the wall measures the others. The seeds are
the same in each run; whatever is found once stays found.
"""

import base64
import gc
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from brokers.errors import SamlRejected
from brokers.saml import Reason, ServiceProvider, ServiceProviderConfig
from brokers.types import SamlIdentity
from tests.saml_forge import ACS_URL, SP_ENTITY_ID, Forge, rsa_key
from tests.saml_forge.mutator import Mutator, meaning

IN_ALL = 100_000
EACH = 2_000
LONGEST = 0.100  # seconds
SP_KEY = rsa_key("sp")
SP = ServiceProvider(ServiceProviderConfig(SP_ENTITY_ID, ACS_URL, SP_KEY.private, SP_KEY.certificate))


@dataclass
class Outcome:
    """What came of some mutations. `same`: those that got in, since nothing that is signed had changed."""

    tried: int = 0
    same: int = 0
    slowest: float = 0.0
    slowest_seed: int = -1
    reasons: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        refused = sum(self.reasons.values())
        return (
            f"{self.tried} tried, {refused} refused for {len(self.reasons)} reasons, {self.same} with nothing signed "
            f"changed got in; slowest {self.slowest * 1000:.1f} ms of CPU (seed {self.slowest_seed})"
        )


class Target:
    """One valid response, and what it says."""

    def __init__(self, signed: str) -> None:
        self.signed = signed
        self.forge = Forge(sign=(signed.lower(),))
        document = self.forge.document()
        self.mutator, self.truth = Mutator(document), meaning(document, signed)
        assert self.truth is not None
        self.identity = self.verify(base64.b64encode(document).decode())

    def verify(self, response: str) -> SamlIdentity:
        return SP.verify(
            self.forge.provider(), response, request_id=self.forge.request_id, at=datetime.now(UTC)
        )


def run(seeds: range) -> Outcome:
    outcome, targets = Outcome(), (Target("Response"), Target("Assertion"))
    for seed in seeds:
        target = targets[seed % 2]
        mutated = target.mutator.field(seed)
        gc.disable()  # a collection would be charged to whichever mutation it falls on
        begun = time.process_time()
        try:
            got = target.verify(mutated)
        except SamlRejected as refused:
            got = None
            outcome.reasons[Reason(refused.reason).value] += 1
        took = time.process_time() - begun
        gc.enable()
        outcome.tried += 1
        if took > outcome.slowest:
            outcome.slowest, outcome.slowest_seed = took, seed
        if got is not None:
            outcome.same += 1
            assert got == target.identity, f"seed {seed} got in as somebody else"
            came = meaning(base64.b64decode("".join(mutated.split())), target.signed)
            assert came == target.truth, f"seed {seed} got in though what is signed was changed"
    return outcome


PARTS = [range(first, first + EACH) for first in range(0, IN_ALL, EACH)]


@pytest.mark.parametrize(
    "seeds",
    [
        PARTS[0],
        *(pytest.param(part, marks=pytest.mark.thorough) for part in PARTS[1:10]),
        *(pytest.param(part, marks=pytest.mark.soak) for part in PARTS[10:]),
    ],
    ids=lambda seeds: f"{seeds.start}",
)
def test_only_the_untouched_one_gets_in(seeds: range) -> None:
    outcome = run(seeds)
    print(outcome)  # noqa: T201  # the figures, with -s or where it fails
    assert outcome.tried == EACH
    assert outcome.slowest < LONGEST, str(outcome)
    assert len(outcome.reasons) > 10, "the mutations reach many checks"


def test_the_untouched_one_does() -> None:
    assert [Target(signed).identity.name_id for signed in ("Response", "Assertion")] == ["alice"] * 2


def test_a_changed_one_that_got_in_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fuzzer itself turns red: with no library and no checks something changed gets in."""
    from onelogin.saml2.response import OneLogin_Saml2_Response  # noqa: PLC0415  # only to be broken here

    monkeypatch.setattr(OneLogin_Saml2_Response, "is_valid", lambda *_, **__: True)
    with pytest.raises(AssertionError, match="got in"):
        run(range(200))


if __name__ == "__main__":
    print(run(range(int(sys.argv[1]))))  # noqa: T201  # a command's answer
