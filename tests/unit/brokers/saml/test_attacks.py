"""Each attack of the corpus: refused with its exact code, its neighbour accepted, red without the checks."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType

import pytest
from onelogin.saml2.response import OneLogin_Saml2_Response

from brokers.errors import SamlRejected
from brokers.saml import Reason, ServiceProvider, ServiceProviderConfig, checks, parsing, shape, toolkit
from brokers.types import SamlIdentity
from tests.saml_forge import ACS_URL, SP_ENTITY_ID
from tests.unit.brokers.saml import corpus_form, corpus_words
from tests.unit.brokers.saml.corpus import Attack

CORPUS = corpus_form.CORPUS + corpus_words.CORPUS
TABLES: dict[str, ModuleType] = {"parsing": parsing, "shape": shape, "checks": checks}
SP = ServiceProvider(
    ServiceProviderConfig(SP_ENTITY_ID, ACS_URL, corpus_form.SP_KEY.private, corpus_form.SP_KEY.certificate)
)

TakeOut = Callable[[str], None]


@pytest.fixture
def take_out(monkeypatch: pytest.MonkeyPatch) -> TakeOut:
    """Take one check out of its table, or one of the three things that aren't in a table."""

    def out(layer: str) -> None:
        room, _, reason = layer.partition(".")
        if layer == "library":
            monkeypatch.setattr(OneLogin_Saml2_Response, "is_valid", lambda *_, **__: True)
        elif layer == "envelope":
            monkeypatch.setattr(toolkit, "verify_envelope", lambda *_: None)
        elif layer == "parsing.size":
            monkeypatch.setattr(parsing, "MAX_BASE64", 10**9)
        else:
            table = TABLES[room]
            left = tuple(entry for entry in table.CHECKS if entry[0] != reason)
            assert len(left) == len(table.CHECKS) - 1
            monkeypatch.setattr(table, "CHECKS", left)

    return out


def mount(attack: Attack) -> SamlIdentity:
    neighbour = attack.neighbour()
    idp = neighbour.provider(**attack.idp)
    response = attack.forge(neighbour).response()
    return SP.verify(idp, response, request_id=neighbour.request_id, at=datetime.now(UTC))


def refusal(attack: Attack) -> Reason:
    with pytest.raises(SamlRejected) as refused:
        mount(attack)
    assert refused.value.code == f"saml.{refused.value.reason}"
    return Reason(refused.value.reason)


parametrized = pytest.mark.parametrize("attack", CORPUS, ids=lambda attack: attack.name)


@parametrized
def test_refused_with_its_code(attack: Attack) -> None:
    expected = attack.layers[0][1] if attack.layers else attack.then

    assert refusal(attack) == expected


@parametrized
def test_its_neighbour_is_accepted(attack: Attack) -> None:
    forge = attack.neighbour()
    # Where the identity provider's settings are the point, the neighbour keeps them.
    idp = forge.provider(**attack.idp)

    identity = SP.verify(idp, forge.response(), request_id=forge.request_id, at=datetime.now(UTC))

    assert identity.name_id == "alice"


@parametrized
def test_turns_red_when_its_checks_are_out(attack: Attack, take_out: TakeOut) -> None:
    for layer, reason in attack.layers:
        assert refusal(attack) == reason
        take_out(layer)

    if attack.then is not None:
        assert refusal(attack) == attack.then
    else:
        assert attack.got(mount(attack))


def test_names_are_unique() -> None:
    assert len({attack.name for attack in CORPUS}) == len(CORPUS)


def test_every_check_has_an_attack_that_it_is_the_first_to_refuse() -> None:
    tabled = {f"{room}.{reason}" for room, table in TABLES.items() for reason, _ in table.CHECKS}
    first = {attack.layers[0][0] for attack in CORPUS if attack.layers}
    # python3-saml gives the same reason first for a confirmation that isn't a bearer's.
    assert tabled - first == {"checks.confirmation"}
