"""What the doctor reads out of what somebody pasted beside an error."""

from datetime import timedelta

import pytest

from portal.access.doctor.pasted import Pasted, read_pasted

ROLE = "arn:aws:iam::222222222222:role/sallyport/partners/acme/sp-abc"
ID = "6c7c3f0c-5a3e-4d9c-8c46-0d5cf2a9c001"
PASTED = {
    "a command": (
        f"aws sts assume-role --role-arn {ROLE} --role-session-name x --external-id {ID} --duration-seconds 7200",
        Pasted(ROLE, ID, timedelta(hours=2)),
    ),
    "a command over lines": (
        f"aws sts assume-role \\\n  --role-arn {ROLE} \\\n  --external-id '{ID}'",
        Pasted(ROLE, ID),
    ),
    "a command without": (f"$ aws sts assume-role --role-arn {ROLE}", Pasted(ROLE, "")),
    "tags": (
        f"aws sts assume-role --role-arn={ROLE} --tags Key=a,Value=b --source-identity me",
        Pasted(ROLE, "", None, sends_tags=True, sends_source_identity=True),
    ),
    "a profile": (
        f"[profile acme]\nrole_arn = {ROLE}\nexternal_id = {ID}\nsource_profile = default\nduration_seconds=3600",
        Pasted(ROLE, ID, timedelta(hours=1)),
    ),
    "a profile without": (f"[profile acme]\nrole_arn = {ROLE}\nsource_profile = default", Pasted(ROLE, "")),
    "boto3": (
        f'sts.assume_role(RoleArn="{ROLE}", RoleSessionName="x", ExternalId="{ID}", Tags=[{{"Key": "a"}}])',
        Pasted(ROLE, ID, None, sends_tags=True),
    ),
    "boto3 without": (f"sts.assume_role(RoleArn='{ROLE}', RoleSessionName='x')", Pasted(ROLE, "")),
    "Terraform": (f'assume_role {{\n  role_arn    = "{ROLE}"\n  external_id = "{ID}"\n}}', Pasted(ROLE, ID)),
    "an error alone": (
        (
            "An error occurred (AccessDenied) when calling the AssumeRole operation: User: "
            f"arn:aws:iam::999999999999:user/ci is not authorized to perform: sts:AssumeRole on resource: {ROLE}"
        ),
        Pasted(ROLE, None),
    ),
    "an error that names the key": ("The requested DurationSeconds exceeds the MaxSessionDuration", Pasted()),
    "nothing": ("", Pasted()),
}


@pytest.mark.parametrize("name", PASTED)
def test_what_was_pasted_is_read(name: str) -> None:
    text, read = PASTED[name]
    assert read_pasted(text) == read


def test_a_long_text_costs_little() -> None:
    assert read_pasted("assume-role " * 100_000 + "--tags") == Pasted("", None)
    assert read_pasted("external_id" + " " * 500_000).external_id is None
