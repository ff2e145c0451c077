"""The codes of MFA devices: RFC 4226's own examples, and when one counts."""

import base64
import time

import pytest

from portal.demo.sandbox.calls.mfa import STEP_S, code_at, step_of

SEED = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("counter", "code"), [(0, "755224"), (1, "287082"), (2, "359152"), (9, "520489"), (37037036, "081804")]
)
def test_the_standards_examples(counter: int, code: str) -> None:
    """Appendix D of RFC 4226; the last is of RFC 6238's appendix B, at 1111111109 s."""
    assert code_at(SEED, counter) == code


def test_a_code_is_of_now_or_its_neighbours_and_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    step = 50_000_000
    monkeypatch.setattr(time, "time", lambda: step * STEP_S + 12.0)
    for near in (step - 1, step, step + 1):
        assert step_of(SEED, code_at(SEED, near), after=0) == near
        assert step_of(SEED, code_at(SEED, near), after=near) is None
    for far in (step - 2, step + 2):
        assert step_of(SEED, code_at(SEED, far), after=0) is None
