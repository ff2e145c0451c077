"""Reading query parameters and holding them against botocore's model."""

import pytest
from botocore.model import StructureShape

from portal.demo.sandbox import constraints, query
from portal.demo.sandbox.refusals import Refused


def shape(service: str, operation: str) -> StructureShape:
    found = constraints.model(service).operation_model(operation).input_shape
    assert found is not None
    return found


def test_lists_and_structures_are_read() -> None:
    form = b"Action=AssumeRole&RoleArn=a&Tags.member.1.Key=k&Tags.member.1.Value=&Tags.member.2.Key=l"
    parameters = query.parse("Version=1", form)
    assert query.structure(shape("sts", "AssumeRole"), parameters) == {
        "RoleArn": "a",
        "Tags": [{"Key": "k", "Value": ""}, {"Key": "l"}],
    }


@pytest.mark.parametrize(
    ("search", "form"),
    [("A=1", b"A=2"), ("", b"A=1&A=2"), ("", b"\xff\xfe=1"), ("", b"A=%ff")],
    ids=["both", "twice", "bytes", "escaped-bytes"],
)
def test_ambiguous_requests_are_refused(search: str, form: bytes) -> None:
    with pytest.raises(Refused) as caught:
        query.parse(search, form)
    assert caught.value.code == "MalformedQueryString"


@pytest.mark.parametrize("names", ["Tags.member.2.Key", "Tags.member.0.Key", "Tags.member.999999999.Key"])
def test_lists_have_no_gaps(names: str) -> None:
    with pytest.raises(Refused) as caught:
        query.structure(shape("sts", "AssumeRole"), {names: "k"})
    assert caught.value.code == "MalformedInput"


def test_all_violations_are_named_at_once() -> None:
    with pytest.raises(Refused) as caught:
        constraints.check(shape("sts", "AssumeRole"), {"RoleSessionName": "x y", "DurationSeconds": "899"})
    message = caught.value.message
    assert message.startswith("3 validation errors detected: ")
    assert "Value null at 'roleArn' failed to satisfy constraint: Member must not be null" in message
    assert (
        "at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression" in message
    )
    assert (
        "'899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater" in message
    )


@pytest.mark.parametrize("number", ["", "1e3", "0x400", "+900", " 900", "९००", "9" * 30])
def test_integers_are_digits(number: str) -> None:
    given = {"Name": "somebody", "DurationSeconds": number}
    with pytest.raises(Refused) as caught:
        constraints.check(shape("sts", "GetFederationToken"), given)
    assert (
        "at 'durationSeconds' failed to satisfy constraint: Member must be an integer" in caught.value.message
    )


def test_enums_and_booleans() -> None:
    given = {"UserName": "u", "AccessKeyId": "A" * 16, "Status": "Sleeping"}
    with pytest.raises(Refused):
        constraints.check(shape("iam", "UpdateAccessKey"), given)
    constraints.check(shape("iam", "UpdateAccessKey"), {**given, "Status": "Inactive"})
    policy = {"PolicyArn": "arn:aws:iam::111122223333:policy/p", "PolicyDocument": "{}"}
    with pytest.raises(Refused):
        constraints.check(shape("iam", "CreatePolicyVersion"), {**policy, "SetAsDefault": "yes"})
    constraints.check(shape("iam", "CreatePolicyVersion"), {**policy, "SetAsDefault": "true"})


def test_every_pattern_of_both_models_compiles() -> None:
    for service in ("sts", "iam"):
        model = constraints.model(service)
        for name in model.shape_names:
            pattern = model.shape_for(name).metadata.get("pattern")
            if pattern:
                constraints.compiled(pattern)
    arn = constraints.model("sts").shape_for("arnType").metadata["pattern"]
    assert constraints.compiled(arn).fullmatch("arn:aws:iam::1:role/x\U0001f511")
    assert not constraints.compiled(arn).fullmatch("arn\x00")
