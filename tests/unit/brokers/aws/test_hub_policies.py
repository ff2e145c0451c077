"""What the portal may do in AWS is said once: the estate, the shipped files and the templates agree with it."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from brokers.aws import hub_policies as says
from brokers.aws.account_files import account_files, cloudformation, command_line, parts, terraform
from brokers.aws.analysis.escalation import WAYS
from brokers.aws.hub_files import hub_cloudformation, hub_terraform
from brokers.aws.shipped import shipped_files
from brokers.errors import NotPossible
from brokers.types import Partition
from portal.demo.sandbox import estate

ROOT = Path(__file__).parents[4]
HUB, ACCOUNT = estate.HUB.account_id, estate.DATA.account_id
USER = estate.HUB_USER_ARN
JSONENCODE = re.compile(r"jsonencode\((\{.*?\n  \})\)", re.DOTALL)
HEREDOC = re.compile(r"-document '(\{.*?\n\})'", re.DOTALL)


def plain(policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the statements without what says nothing about rights: names, and lists of one."""
    return [
        {
            key: [value] if key in {"Resource", "Action"} and isinstance(value, str) else value
            for key, value in statement.items()
            if key != "Sid"
        }
        for statement in json.loads(json.dumps(policy))["Statement"]
    ]


def test_the_demos_estate_has_the_same_rights() -> None:
    accounts = [account.account_id for account in estate.TARGETS]
    ours, theirs = plain(says.hub_policy("aws", HUB, accounts)), plain(estate.hub_policy())
    ours[0]["Resource"].sort()
    theirs[0]["Resource"].sort()
    # MiniStack judges GetFederationToken against `*`; the demo's last statements are what its federation sessions
    # read, and the account that only root tasks reach.
    assert ours[1].pop("Resource") == [f"arn:aws:sts::{HUB}:federated-user/sp-*"]
    assert theirs[1].pop("Resource") == ["*"]
    assert ours == theirs[:-2]
    assert plain(says.revoker_policy("aws", ACCOUNT)) == list(estate.revoker(ACCOUNT).statements)
    assert plain(says.provisioner_policy("aws", ACCOUNT)) == list(estate.provisioner(ACCOUNT).statements)
    assert plain(says.boundary_policy()) == plain(estate.partner_boundary())
    assert says.hub_trust(USER) == estate.provisioner(ACCOUNT).trust
    assert says.granted_role_trust(USER) == estate.trust()
    names = (says.REVOKER_NAME, says.PROVISIONER_NAME, says.HUB_USER_NAME, says.HUB_POLICY_NAME)
    assert names == (estate.REVOKER, estate.PROVISIONER, estate.HUB_USER, estate.HUB_POLICY)


def test_the_boundary_keeps_what_would_outlive_a_partners_role() -> None:
    """What lint warns of as open to others past the grant's end, an admin may overrule; the boundary nobody does."""
    denied = [
        pattern.lower()
        for statement in says.boundary_policy()["Statement"]
        if statement["Effect"] == "Deny" and statement["Resource"] == "*" and "Condition" not in statement
        for pattern in statement["Action"]
    ]
    assert len(denied) == len(set(denied))
    outlives = (
        WAYS["resource-policy"].actions | WAYS["kms-grant"].actions | {"iam:PassRole", "sts:AssumeRole"}
    )
    open_still = [each for each in outlives if not any(fnmatchcase(each.lower(), one) for one in denied)]
    assert open_still == []
    for fine in (
        "s3:PutObject",
        "s3:GetBucketPolicy",
        "sqs:SendMessage",
        "kms:Decrypt",
        "lambda:InvokeFunction",
    ):
        assert not any(fnmatchcase(fine.lower(), one) for one in denied), fine


def test_the_shipped_files_are_current() -> None:
    """Red: `python -m brokers.aws.shipped docs/aws` writes them anew."""
    directory = ROOT / "docs/aws"
    there = {
        str(path.relative_to(directory)): path.read_text() for path in directory.rglob("*") if path.is_file()
    }
    assert there == shipped_files()


def filled(value: Any) -> Any:
    """Return a part of a CloudFormation template as it stands once the stack is made."""
    if isinstance(value, dict):
        if set(value) == {"Fn::Sub"}:
            text = value["Fn::Sub"].replace("${AWS::Partition}", "aws").replace("${AWS::AccountId}", ACCOUNT)
            return text.replace("${HubPrincipalArn}", USER)
        return {key: filled(each) for key, each in value.items()}
    return [filled(each) for each in value] if isinstance(value, list) else value


def test_cloudformation_makes_what_the_source_says() -> None:
    template = json.loads(cloudformation(USER))
    assert template["Parameters"]["HubPrincipalArn"]["Default"] == USER
    assert "Default" not in json.loads(cloudformation(None))["Parameters"]["HubPrincipalArn"]
    resources = filled(template["Resources"])
    for part in parts("aws", ACCOUNT):
        role = resources[part.name.removeprefix("Sallyport")]
        assert (role["Type"], role["Properties"]["RoleName"]) == ("AWS::IAM::Role", part.name)
        assert role["Properties"]["AssumeRolePolicyDocument"] == says.hub_trust(USER)
        assert role["Properties"]["Policies"][0]["PolicyDocument"] == part.policy
        assert role.get("Condition") == ("Partners" if part.for_partners else None)
    boundary = resources["PartnerBoundary"]
    assert boundary["Properties"]["PolicyDocument"] == says.boundary_policy()
    assert boundary["Properties"]["ManagedPolicyName"] == estate.BOUNDARY


def test_cloudformation_refers_to_nothing_that_is_not_there() -> None:
    for text in (cloudformation(None), hub_cloudformation()):
        template = json.loads(text)
        known = (
            set(template["Resources"])
            | set(template.get("Parameters", {}))
            | {"AWS::Partition", "AWS::AccountId"}
        )
        named = set(references(template))
        assert named <= known
        assert {each.get("Condition") for each in template["Resources"].values()} <= {
            None,
            *template.get("Conditions", {}),
        }


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "Ref":
                yield each
            elif key == "Fn::GetAtt":
                yield each[0]
            elif key == "Fn::Sub":
                yield from re.findall(r"\$\{([^}]+)\}", each)
            else:
                yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_the_hub_is_bounded_by_its_own_policy() -> None:
    resources = filled(json.loads(hub_cloudformation())["Resources"])
    document = resources["HubPolicy"]["Properties"]["PolicyDocument"]
    assert document == says.hub_policy("aws", ACCOUNT)
    user = resources["Hub"]["Properties"]
    assert user["PermissionsBoundary"] == user["ManagedPolicyArns"][0] == {"Ref": "HubPolicy"}
    assert "AccessKey" not in hub_cloudformation() + hub_terraform().replace("create-access-key", "")


def of_terraform(text: str) -> list[Any]:
    text = text.replace("${local.partition}", "aws").replace("${local.account}", ACCOUNT)
    return [json.loads(each.replace("${var.hub_principal_arn}", USER)) for each in JSONENCODE.findall(text)]


def test_terraform_and_the_command_line_make_the_same() -> None:
    trust, boundary = says.hub_trust(USER), says.boundary_policy()
    revoker, provisioner = (part.policy for part in parts("aws", ACCOUNT))
    assert of_terraform(terraform(USER)) == [trust, revoker, trust, provisioner, boundary]
    assert f'default     = "{USER}"' in terraform(USER)
    assert 'default     = "arn' not in terraform(None)
    assert of_terraform(hub_terraform()) == [says.hub_policy("aws", ACCOUNT)]
    script = command_line(USER, "aws", ACCOUNT)
    assert [json.loads(each) for each in HEREDOC.findall(script)] == [
        boundary,
        trust,
        revoker,
        trust,
        provisioner,
    ]
    assert script.count("'") == 2 * (
        5 + 3
    )  # five documents, three descriptions: no apostrophe ends one early


def test_terraforms_own_formatter_agrees() -> None:
    found = shutil.which("terraform")
    if found is None:
        pytest.skip("terraform is not installed: nothing here needs it but this test")
    for text in (terraform(None), terraform(USER), hub_terraform()):
        answer = subprocess.run(
            [found, "fmt", "-check", "-"], input=text.encode(), capture_output=True, check=False
        )
        assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize(
    ("caller", "principal"),
    [
        (USER, USER),
        (
            "arn:aws-cn:sts::111122223333:assumed-role/Portal/i-0a1",
            "arn:aws-cn:iam::111122223333:role/Portal",
        ),
        ("arn:aws:iam::111122223333:root", None),
        ("arn:aws:sts::111122223333:federated-user/x", None),
    ],
)
def test_whom_a_trust_policy_names(caller: str, principal: str | None) -> None:
    if principal is None:
        with pytest.raises(NotPossible, match="user or a role"):
            says.hub_principal(caller)
    else:
        assert says.hub_principal(caller) == principal


SESSION = "arn:aws:sts::111122223333:assumed-role/Portal/i-0a1"


@pytest.mark.parametrize(
    ("caller", "told"),
    [
        (SESSION, "arn:aws:iam::111122223333:role/infra/access/Portal"),
        (SESSION, "arn:aws:iam::111122223333:role/Portal"),
        (USER, USER),
    ],
)
def test_a_role_is_named_with_the_path_that_its_owner_tells(caller: str, told: str) -> None:
    assert says.hub_principal(caller, told) == told


@pytest.mark.parametrize(
    "told",
    [
        "arn:aws:iam::111122223333:role/infra/Other",
        "arn:aws:iam::111122223333:role/OtherPortal",
        "arn:aws:iam::111122223333:role//Portal",
        "arn:aws:iam::111122223333:role/a b/Portal",
        "arn:aws:iam::999999999999:role/infra/Portal",
        "arn:aws-cn:iam::111122223333:role/infra/Portal",
        "arn:aws:iam::111122223333:user/infra/Portal",
        "arn:aws:iam::111122223333:role/infra/Portal\n",
        "*",
    ],
)
def test_another_than_sts_says_is_never_trusted(told: str) -> None:
    with pytest.raises(NotPossible, match="STS says that it is arn:aws:iam::111122223333:role/Portal"):
        says.hub_principal(SESSION, told)


def test_a_users_path_is_known_already() -> None:
    with pytest.raises(NotPossible, match="STS says"):
        says.hub_principal(USER, USER.replace("user/", "user/more/"))


def test_the_files_of_a_wizard_carry_the_hub_and_the_partition() -> None:
    hub = "arn:aws-cn:iam::111122223333:user/sallyport-hub"
    for file in account_files(hub, Partition.CHINA, ACCOUNT):
        assert hub in file.text
        assert "arn:aws:" not in file.text
    script = account_files(hub, Partition.CHINA, ACCOUNT)[-1]
    assert (script.kind, script.name) == ("AWS command line", f"connect-{ACCOUNT}.sh")
    assert f"arn:aws-cn:iam::{ACCOUNT}:role/sallyport/partners/*" in script.text


def test_the_sizes_fit() -> None:
    """AWS counts without white space: 6,144 for a managed policy, 10,240 for a role's inline ones, 2,048 for trust."""

    def size(document: Any) -> int:
        return len(json.dumps(document, separators=(",", ":")))

    assert size(says.hub_policy("aws-us-gov", HUB)) < 6_144
    assert size(says.boundary_policy()) < 6_144
    assert size(says.provisioner_policy("aws-us-gov", ACCOUNT)) < 10_240
    assert size(says.revoker_policy("aws-us-gov", ACCOUNT)) < 10_240
