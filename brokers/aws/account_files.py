"""What connects an account: the revoker, and for partners the provisioner with its boundary, for three tools.

Each file makes the same (`parts`), from `hub_policies`, and can be taken away as a whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from brokers.aws import hub_policies as says
from brokers.aws.partner_names import BOUNDARY_NAME, boundary_arn_in
from brokers.aws.policy_text import CLOUDFORMATION, TERRAFORM, as_hcl, as_heredoc, as_json, with_subs
from brokers.types import AccountFile, AccountRoles, Partition

POLICY_NAME: Final = "Permissions"
SESSION_SECONDS: Final = 3600
BOUNDARY_SAYS: Final = (
    "The most that a role of a partner can do. You may narrow it; Sallyport never writes it."
)
_HUB = {"Type": "String", "Description": "ARN of the IAM user or role that Sallyport calls AWS as."}
_HUB_PATTERN = "arn:[a-z-]+:iam::[0-9]{12}:(user|role)/.+"
_PARTNERS = {
    "Type": "String",
    "Description": "Whether roles may be made here for partners to come in by, from their own accounts.",
    "AllowedValues": ["yes", "no"],
    "Default": "yes",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One role of the portal's in an account. `label`: what Terraform calls it."""

    name: str
    label: str
    description: str
    policy: says.Policy
    for_partners: bool


def parts(partition: str, account: str) -> Sequence[Part]:
    """Return the roles that the portal needs in an account."""
    return (
        Part(
            says.REVOKER_NAME,
            "revoker",
            "Sallyport ends sessions by it: writes denies on roles under /sallyport/",
            says.revoker_policy(partition, account),
            for_partners=False,
        ),
        Part(
            says.PROVISIONER_NAME,
            "provisioner",
            "Sallyport makes and removes roles of partners by it: under /sallyport/partners/, within their boundary",
            says.provisioner_policy(partition, account),
            for_partners=True,
        ),
    )


def cloudformation(hub_principal: str | None) -> str:
    """Return the CloudFormation template, JSON. `hub_principal` None: whoever makes the stack types it in."""
    default = {} if hub_principal is None else {"Default": hub_principal}
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Connects this account to Sallyport. Needs CAPABILITY_NAMED_IAM.",
        "Parameters": {
            "HubPrincipalArn": {**_HUB, "AllowedPattern": _HUB_PATTERN, **default},
            "LetPartnersIn": _PARTNERS,
        },
        "Conditions": {"Partners": {"Fn::Equals": [{"Ref": "LetPartnersIn"}, "yes"]}},
        "Resources": {
            **{_logical(part): _role_resource(part) for part in parts(*CLOUDFORMATION)},
            "PartnerBoundary": {
                "Type": "AWS::IAM::ManagedPolicy",
                "Condition": "Partners",
                "Properties": {
                    "ManagedPolicyName": BOUNDARY_NAME,
                    "Description": BOUNDARY_SAYS,
                    "PolicyDocument": says.boundary_policy(),
                },
            },
        },
        "Outputs": {f"{_logical(part)}RoleArn": _output(part) for part in parts(*CLOUDFORMATION)},
    }
    return as_json(template)


def _logical(part: Part) -> str:
    return part.name.removeprefix("Sallyport")


def _condition(part: Part) -> Mapping[str, str]:
    return {"Condition": "Partners"} if part.for_partners else {}


def _role_resource(part: Part) -> Mapping[str, Any]:
    return {
        "Type": "AWS::IAM::Role",
        **_condition(part),
        "Properties": {
            "RoleName": part.name,
            "Path": "/",
            "Description": part.description,
            "MaxSessionDuration": SESSION_SECONDS,
            "AssumeRolePolicyDocument": with_subs(says.hub_trust("${HubPrincipalArn}")),
            "Policies": [{"PolicyName": POLICY_NAME, "PolicyDocument": with_subs(part.policy)}],
        },
    }


def _output(part: Part) -> Mapping[str, Any]:
    return {**_condition(part), "Value": {"Fn::GetAtt": [_logical(part), "Arn"]}}


def terraform(hub_principal: str | None) -> str:
    """Return the Terraform module, HCL. `hub_principal` None: a variable without a default."""
    default = "" if hub_principal is None else f'\n  default     = "{hub_principal}"'
    roles = "\n".join(_terraform_role(part) for part in parts(*TERRAFORM))
    return f"""# Connects this account to Sallyport.

terraform {{
  required_providers {{
    aws = {{
      source = "hashicorp/aws"
    }}
  }}
}}

variable "hub_principal_arn" {{
  description = "{_HUB["Description"]}"
  type        = string{default}
}}

variable "let_partners_in" {{
  description = "{_PARTNERS["Description"]}"
  type        = bool
  default     = true
}}

data "aws_partition" "current" {{}}

data "aws_caller_identity" "current" {{}}

locals {{
  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id
}}

{roles}
resource "aws_iam_policy" "partner_boundary" {{
  count       = var.let_partners_in ? 1 : 0
  name        = "{BOUNDARY_NAME}"
  description = "{BOUNDARY_SAYS}"
  policy = {as_hcl(says.boundary_policy())}
}}
"""


def _terraform_role(part: Part) -> str:
    count, index = ("\n  count = var.let_partners_in ? 1 : 0\n", "[0]") if part.for_partners else ("", "")
    value = f"one(aws_iam_role.{part.label}[*].arn)" if index else f"aws_iam_role.{part.label}.arn"
    return f"""resource "aws_iam_role" "{part.label}" {{{count}
  name                 = "{part.name}"
  description          = "{part.description}"
  max_session_duration = {SESSION_SECONDS}
  assume_role_policy = {as_hcl(says.hub_trust("${var.hub_principal_arn}"))}
}}

resource "aws_iam_role_policy" "{part.label}" {{{count}
  name = "{POLICY_NAME}"
  role = aws_iam_role.{part.label}{index}.name
  policy = {as_hcl(part.policy)}
}}

output "{part.label}_role_arn" {{
  value = {value}
}}
"""


def command_line(hub_principal: str, partition: str, account_id: str) -> str:
    """Return a shell script of plain `aws` calls, for one account."""
    roles = "\n".join(_commands(part, hub_principal) for part in parts(partition, account_id))
    return f"""#!/bin/sh
# Connects account {account_id} to Sallyport. Run it with rights to IAM there. Where no partners are to be let in
# from their own accounts, leave out SallyportPartnerBoundary and SallyportProvisioner.
set -eu
test "$(aws sts get-caller-identity --query Account --output text)" = {account_id}

aws iam create-policy --policy-name {BOUNDARY_NAME} \\
  --description '{BOUNDARY_SAYS}' \\
  --policy-document {as_heredoc(says.boundary_policy())}

{roles}"""


def _commands(part: Part, hub_principal: str) -> str:
    return f"""aws iam create-role --role-name {part.name} \\
  --description '{part.description}' --max-session-duration {SESSION_SECONDS} \\
  --assume-role-policy-document {as_heredoc(says.hub_trust(hub_principal))}
aws iam put-role-policy --role-name {part.name} --policy-name {POLICY_NAME} \\
  --policy-document {as_heredoc(part.policy)}
"""


def account_files(hub_principal: str, partition: Partition, account_id: str) -> Sequence[AccountFile]:
    """Return the files that connect an account, with who the hub is put in."""
    return (
        AccountFile("CloudFormation", "sallyport-account.template.json", cloudformation(hub_principal)),
        AccountFile("Terraform", "sallyport-account.tf", terraform(hub_principal)),
        AccountFile(
            "AWS command line",
            f"connect-{account_id}.sh",
            command_line(hub_principal, partition, account_id),
        ),
    )


def account_roles(partition: Partition, account_id: str) -> AccountRoles:
    """Return what the files make."""
    revoker, provisioner = (
        f"arn:{partition}:iam::{account_id}:role/{part.name}" for part in parts(partition, account_id)
    )
    return AccountRoles(revoker, provisioner, boundary_arn_in(partition, account_id))
