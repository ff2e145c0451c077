import pytest

from portal.audit.models import AuditEvent
from portal.directory.models import Person, RecoveryCode
from portal.identity.operations.factors import (
    CODES,
    FactorNeededError,
    FactorRefusedError,
    codes_left,
    has_factor,
)
from portal.identity.operations.factors_recovery import (
    ALPHABET,
    HOW_MANY,
    make_recovery_codes,
    normal,
    verify_recovery_code,
)
from portal.kernel.errors import InvalidError, TooManyError
from tests.factors import add_app, just_in
from tests.world import as_actor

pytestmark = pytest.mark.django_db


@pytest.fixture
def codes(ben: Person) -> list[str]:
    add_app(ben)
    return make_recovery_codes(person=ben, actor=just_in(ben))


def refused(person: Person, code: str) -> str:
    with pytest.raises(FactorRefusedError) as error:
        verify_recovery_code(person=person, code=code, actor=as_actor(person))
    return error.value.reason


def test_ten_of_a_hundred_bits_kept_as_hashes(codes: list[str]) -> None:
    assert len(set(codes)) == HOW_MANY == 10
    assert all(len(normal(code)) == 20 and set(normal(code)) <= set(ALPHABET) for code in codes)
    assert len(ALPHABET) == 32  # 5 bits each
    kept = str(list(RecoveryCode.objects.values())) + str(list(AuditEvent.objects.values()))
    assert not any(code in kept or normal(code) in kept for code in codes)


def test_each_counts_once_however_it_is_typed(ben: Person, codes: list[str]) -> None:
    assert verify_recovery_code(person=ben, code=codes[0], actor=as_actor(ben)).factor == "recovery code"
    assert refused(ben, codes[0]) == "replayed"
    assert codes_left(ben) == 9
    typed = f" {codes[1].lower().replace('-', ' ').replace('0', 'o').replace('1', 'l')} "
    assert verify_recovery_code(person=ben, code=typed, actor=as_actor(ben))
    event = AuditEvent.objects.filter(type="directory.factor.given").latest("id")
    assert event.details == {"factor": "recovery code", "left": 8}


def test_a_new_set_replaces_the_old(ben: Person, codes: list[str]) -> None:
    again = make_recovery_codes(person=ben, actor=just_in(ben))
    assert refused(ben, codes[0]) == "wrong_code"
    assert verify_recovery_code(person=ben, code=again[0], actor=as_actor(ben))
    assert codes_left(ben) == 9


def test_anothers_code_counts_for_nobody_else(ben: Person, mallory: Person, codes: list[str]) -> None:
    assert refused(mallory, codes[0]) == "wrong_code"
    assert refused(ben, "") == "wrong_code"
    assert verify_recovery_code(person=ben, code=codes[0], actor=as_actor(ben))


def test_they_stand_in_for_a_factor_and_are_none(mallory: Person, ben: Person, codes: list[str]) -> None:
    with pytest.raises(InvalidError, match="stand in"):
        make_recovery_codes(person=mallory, actor=just_in(mallory))
    assert not has_factor(mallory)
    with pytest.raises(FactorNeededError):
        make_recovery_codes(person=ben, actor=as_actor(ben))


def test_tries_run_out(ben: Person, codes: list[str]) -> None:
    for number in range(CODES.most):
        assert refused(ben, f"{number}") == "wrong_code"
    with pytest.raises(TooManyError):
        verify_recovery_code(person=ben, code=codes[0], actor=as_actor(ben))
    assert codes_left(ben) == 10
