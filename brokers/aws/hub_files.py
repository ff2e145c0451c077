"""What makes the hub itself: an IAM user bounded by its own policy, for CloudFormation and Terraform.

The user may put inline policies on itself, since the denies of its federation tokens stand there. The boundary is the
same managed policy: so nothing that is put on the user gives it more. No file makes its key: a stack's outputs would
show it.
"""

from typing import Final

from brokers.aws import hub_policies as says
from brokers.aws.policy_text import CLOUDFORMATION, TERRAFORM, as_hcl, as_json, with_subs

_SAYS: Final = "What the hub of Sallyport may do, and the most that it can."


def hub_cloudformation() -> str:
    """Return the CloudFormation template that makes the hub, JSON."""
    policy = {"Ref": "HubPolicy"}
    return as_json(
        {
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": "Makes the hub of Sallyport. Needs CAPABILITY_NAMED_IAM. Make its key afterwards.",
            "Resources": {
                "HubPolicy": {
                    "Type": "AWS::IAM::ManagedPolicy",
                    "Properties": {
                        "ManagedPolicyName": says.HUB_POLICY_NAME,
                        "Description": _SAYS,
                        "PolicyDocument": with_subs(says.hub_policy(*CLOUDFORMATION)),
                    },
                },
                "Hub": {
                    "Type": "AWS::IAM::User",
                    "Properties": {
                        "UserName": says.HUB_USER_NAME,
                        "ManagedPolicyArns": [policy],
                        "PermissionsBoundary": policy,
                    },
                },
            },
            "Outputs": {"HubPrincipalArn": {"Value": {"Fn::GetAtt": ["Hub", "Arn"]}}},
        }
    )


def hub_terraform() -> str:
    """Return the Terraform module that makes the hub, HCL."""
    return f"""# Makes the hub of Sallyport. Make its key afterwards: `aws iam create-access-key`.

terraform {{
  required_providers {{
    aws = {{
      source = "hashicorp/aws"
    }}
  }}
}}

data "aws_partition" "current" {{}}

data "aws_caller_identity" "current" {{}}

locals {{
  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id
}}

resource "aws_iam_policy" "hub" {{
  name        = "{says.HUB_POLICY_NAME}"
  description = "{_SAYS}"
  policy = {as_hcl(says.hub_policy(*TERRAFORM))}
}}

resource "aws_iam_user" "hub" {{
  name                 = "{says.HUB_USER_NAME}"
  permissions_boundary = aws_iam_policy.hub.arn
}}

resource "aws_iam_user_policy_attachment" "hub" {{
  user       = aws_iam_user.hub.name
  policy_arn = aws_iam_policy.hub.arn
}}

output "hub_principal_arn" {{
  value = aws_iam_user.hub.arn
}}
"""
