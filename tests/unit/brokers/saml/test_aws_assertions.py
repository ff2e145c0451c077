"""Assertions for AWS: all that is refused of a response for the portal is refused here too, and what is AWS's own.

Each attack is signed anew, refused with its exact reason, and has its neighbour that gets in.
"""

from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest

from brokers.errors import SamlRejected
from brokers.saml import AwsAssertions, Reason, aws_words, checks, parsing, shape
from brokers.types import SamlForAws
from tests.saml_forge import Forge, find, rsa_key, set_attribute
from tests.saml_forge.aws import (
    AWS_AUDIENCE,
    AWS_RECIPIENT,
    BASE,
    DATA,
    PROVIDER,
    ROLE,
    STATEMENT,
    for_aws,
    says,
)
from tests.saml_forge.edits import Edit
from tests.saml_forge.idp import RESPONSE
from tests.unit.brokers.saml import corpus_form, corpus_words
from tests.unit.brokers.saml.corpus import Attack

READ = AwsAssertions()
CORPUS = corpus_form.CORPUS + corpus_words.CORPUS
# About the request that it answers: here there is none.
OF_A_REQUEST = {Reason.IN_RESPONSE_TO, Reason.CONFIRMATION_IN_RESPONSE_TO}
AIMED = [attack for attack in CORPUS if not OF_A_REQUEST & {reason for _, reason in attack.layers}]
# What is encrypted is encrypted to AWS: nobody but AWS opens it, so that none of it is read at all.
ENCRYPTED = {attack.name for attack in AIMED if "encrypt_to" in {**attack.base, **attack.attack}}


def verify(forge: Forge, **idp: Any) -> SamlForAws:
    return READ(forge.provider(**idp), forge.response(), at=datetime.now(UTC))


def refusal(forge: Forge, **idp: Any) -> Reason:
    with pytest.raises(SamlRejected) as refused:
        verify(forge, **idp)
    return Reason(refused.value.reason)


def test_what_it_says_to_aws_is_read() -> None:
    told = verify(
        for_aws(
            roles=[f"{ROLE},{PROVIDER}", f" {PROVIDER} , arn:aws:iam::333333333333:role/team/Writer "],
            alter=lambda root: (
                says("SessionDuration", "7200")(root),
                says("SourceIdentity", "alice")(root),
                says("PrincipalTag:Team", "payments")(root),
            ),
        )
    )
    assert told.roles == (
        (ROLE, PROVIDER),
        ("arn:aws:iam::333333333333:role/team/Writer", PROVIDER),
    )
    assert (told.session_name, told.session_duration, told.source_identity) == (
        "alice@example.test",
        timedelta(hours=2),
        "alice",
    )
    assert told.identity.name_id == "alice"
    assert READ.claimed_issuer(for_aws().response()) == "https://idp.example.test/metadata"


@pytest.mark.parametrize("attack", AIMED, ids=lambda attack: attack.name)
def test_what_the_portal_refuses_is_refused_here_too(attack: Attack) -> None:
    """The whole corpus, aimed at AWS's audience and address."""
    pinned = for_aws(**attack.base).provider(**attack.idp)
    forge = for_aws(**{**attack.base, **attack.attack})
    with pytest.raises(SamlRejected) as refused:
        READ(pinned, forge.response(), at=datetime.now(UTC))
    reason = Reason(refused.value.reason)
    expected = {*(each for _, each in attack.layers), attack.then, Reason.AWS_ROLES, Reason.RECIPIENT}
    assert reason in expected | ({Reason.DECRYPTION} if attack.name in ENCRYPTED else set())


@pytest.mark.parametrize(
    ("audience", "recipient", "role", "provider"),
    [
        (AWS_AUDIENCE, AWS_RECIPIENT, ROLE, PROVIDER),
        (AWS_AUDIENCE, "https://eu-central-1.signin.aws.amazon.com/saml", ROLE, PROVIDER),
        (AWS_AUDIENCE, "https://eu-central-1.signin.aws.amazon.com/saml/acs/SAMLSPXYZ1", ROLE, PROVIDER),
        (
            "urn:amazon:webservices:cn-north-1",
            "https://signin.amazonaws.cn/saml",
            ROLE.replace("arn:aws:", "arn:aws-cn:"),
            PROVIDER.replace("arn:aws:", "arn:aws-cn:"),
        ),
        (
            "urn:amazon:webservices:govcloud",
            "https://us-gov-west-1.signin.amazonaws-us-gov.com/saml",
            ROLE.replace("arn:aws:", "arn:aws-us-gov:"),
            PROVIDER.replace("arn:aws:", "arn:aws-us-gov:"),
        ),
    ],
)
def test_each_partition_has_its_own_audience_address_and_roles(
    audience: str, recipient: str, role: str, provider: str
) -> None:
    told = verify(for_aws(audience=audience, recipient=recipient, roles=[f"{role},{provider}"]))
    assert told.roles == ((role, provider),)
    other = "urn:amazon:webservices:govcloud" if audience == AWS_AUDIENCE else AWS_AUDIENCE
    mixed = for_aws(audience=other, recipient=recipient, roles=[f"{role},{provider}"])
    assert refusal(mixed) == Reason.AUDIENCE
    elsewhere = f"{role.replace(role[: role.index('iam')], 'arn:aws-xx:')},{provider}"
    assert refusal(for_aws(audience=audience, recipient=recipient, roles=[elsewhere])) == Reason.AWS_ROLES


@pytest.mark.parametrize(
    "recipient",
    [
        "https://sallyport.example.test/saml/acs",
        "https://signin.aws.amazon.com.evil.test/saml",
        "https://evil.test/https://signin.aws.amazon.com/saml",
        "https://signin.aws.amazon.com/saml/",
        "https://signin.aws.amazon.com/saml?x",
        "http://signin.aws.amazon.com/saml",
        "https://evil-signin.aws.amazon.com/saml",
        "https://cn-north-1.signin.aws.amazon.com/saml",
        "https://us-gov-west-1.signin.aws.amazon.com/saml",
        "",
    ],
)
def test_what_is_not_for_awss_sign_in_is_refused(recipient: str) -> None:
    assert refusal(for_aws(recipient=recipient)) == Reason.RECIPIENT


def test_a_destination_of_awss_other_than_the_recipient_is_refused() -> None:
    elsewhere = set_attribute(RESPONSE, "Destination", "https://eu-west-1.signin.aws.amazon.com/saml")
    assert refusal(for_aws(alter=elsewhere)) == Reason.DESTINATION


def test_an_answer_to_somebodys_question_is_refused() -> None:
    """It was asked for elsewhere: whoever asked has it, too."""
    assert refusal(for_aws(alter=set_attribute(RESPONSE, "InResponseTo", "_asked"))) == Reason.IN_RESPONSE_TO
    confirmed = for_aws(alter=set_attribute(DATA, "InResponseTo", "_asked"))
    assert refusal(confirmed) == Reason.CONFIRMATION_IN_RESPONSE_TO


def test_an_assertion_for_the_portal_is_none_for_aws_and_the_other_way_round() -> None:
    forge = for_aws(audience="https://sallyport.example.test/saml/metadata")
    assert refusal(forge) == Reason.AUDIENCE


def test_what_is_encrypted_to_aws_nobody_else_reads() -> None:
    assert refusal(for_aws(encrypt_to=rsa_key("aws"))) == Reason.DECRYPTION


def test_another_providers_signature_is_refused() -> None:
    forge = for_aws(key=rsa_key("other"))
    assert refusal(forge, certificates=(rsa_key().certificate,)) == Reason.SIGNATURE
    assert verify(for_aws(), certificates=(rsa_key().certificate,))


def test_more_than_aws_takes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    forge = for_aws()
    size = len(forge.response())
    monkeypatch.setattr("brokers.saml.aws_assertions.MAX_FOR_AWS", size // 2)
    assert refusal(forge) == Reason.SIZE


def without(name: str) -> Edit:
    def edit(root: Any) -> None:
        found = find(root, f"{STATEMENT}/saml:Attribute[@Name='{BASE}{name}']")
        find(root, STATEMENT).remove(found)

    return edit


WORDS: list[tuple[str, Reason, Edit, dict[str, Any]]] = [
    ("no role", Reason.AWS_ROLES, without("Role"), {}),
    ("a role without its provider", Reason.AWS_ROLES, lambda _: None, {"roles": [ROLE]}),
    ("a provider twice", Reason.AWS_ROLES, lambda _: None, {"roles": [f"{PROVIDER},{PROVIDER}"]}),
    ("three in a row", Reason.AWS_ROLES, lambda _: None, {"roles": [f"{ROLE},{PROVIDER},{ROLE}"]}),
    (
        "a good one beside a user",
        Reason.AWS_ROLES,
        lambda _: None,
        {"roles": [f"{ROLE},{PROVIDER}", f"arn:aws:iam::222222222222:user/ada,{PROVIDER}"]},
    ),
    (
        "a wildcard",
        Reason.AWS_ROLES,
        lambda _: None,
        {"roles": [f"arn:aws:iam::222222222222:role/*,{PROVIDER}"]},
    ),
    (
        "too many",
        Reason.AWS_ROLES,
        lambda _: None,
        {"roles": [f"{ROLE}{number},{PROVIDER}" for number in range(501)]},
    ),
    ("no session name", Reason.AWS_SESSION_NAME, without("RoleSessionName"), {}),
    ("another session name beside it", Reason.AWS_SESSION_NAME, says("RoleSessionName", "mallory"), {}),
    ("a session name with a space", Reason.AWS_SESSION_NAME, lambda _: None, {"session_name": "a b"}),
    ("a session name with a star", Reason.AWS_SESSION_NAME, lambda _: None, {"session_name": "ali*"}),
    ("a session name of one letter", Reason.AWS_SESSION_NAME, lambda _: None, {"session_name": "a"}),
    ("a session name of 65", Reason.AWS_SESSION_NAME, lambda _: None, {"session_name": "a" * 65}),
    ("a look-alike", Reason.AWS_SESSION_NAME, lambda _: None, {"session_name": "аlice"}),  # noqa: RUF001  # a Cyrillic letter is the point
    ("899 seconds", Reason.AWS_SESSION_DURATION, says("SessionDuration", "899"), {}),
    ("43,201 seconds", Reason.AWS_SESSION_DURATION, says("SessionDuration", "43201"), {}),
    ("an hour in words", Reason.AWS_SESSION_DURATION, says("SessionDuration", "PT1H"), {}),
    ("two durations", Reason.AWS_SESSION_DURATION, says("SessionDuration", "900", "901"), {}),
    ("a source identity with a slash", Reason.AWS_SOURCE_IDENTITY, says("SourceIdentity", "a/b"), {}),
    ("two source identities", Reason.AWS_SOURCE_IDENTITY, says("SourceIdentity", "al", "bo"), {}),
]
BY_NAME = pytest.mark.parametrize(
    ("reason", "alter", "fields"), [case[1:] for case in WORDS], ids=[case[0] for case in WORDS]
)


@BY_NAME
def test_words_that_aws_would_not_take_are_refused(
    reason: Reason, alter: Edit, fields: dict[str, Any]
) -> None:
    assert refusal(for_aws(alter=alter, **fields)) == reason


@BY_NAME
def test_turns_red_when_its_check_is_out(
    reason: Reason, alter: Edit, fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tuple(check for check in aws_words.CHECKS if check[0] != reason)
    assert len(left) == len(aws_words.CHECKS) - 1
    monkeypatch.setattr(aws_words, "CHECKS", left)
    try:
        verify(for_aws(alter=alter, **fields))
    except SamlRejected as refused:
        pytest.fail(f"something else refused it: {refused.reason}")
    except (IndexError, ValueError):
        pass  # it would have got in as what can't be read


def test_edges_of_what_aws_takes_get_in() -> None:
    for duration in ("900", "43200"):
        assert verify(for_aws(alter=says("SessionDuration", duration))).session_duration
    assert verify(for_aws(session_name="a" * 64)).session_name == "a" * 64
    assert verify(for_aws(session_name="a+b=c,d.e@f-g_h")).session_name


TABLES: list[ModuleType] = [parsing, shape, checks]


def test_the_same_tables_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is taken out of the portal's own checks is out here as well: there is one list of each."""
    stale = for_aws(alter=set_attribute(RESPONSE, "InResponseTo", "_asked"))
    assert refusal(stale) == Reason.IN_RESPONSE_TO
    for table in TABLES:
        monkeypatch.setattr(table, "CHECKS", ())
    monkeypatch.setattr("onelogin.saml2.response.OneLogin_Saml2_Response.is_valid", lambda *_, **__: True)
    assert verify(stale).session_name
