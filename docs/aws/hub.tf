# Makes the hub of Sallyport. Make its key afterwards: `aws iam create-access-key`.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

data "aws_partition" "current" {}

data "aws_caller_identity" "current" {}

locals {
  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id
}

resource "aws_iam_policy" "hub" {
  name        = "SallyportHub"
  description = "What the hub of Sallyport may do, and the most that it can."
  policy = jsonencode({
    "Version" : "2012-10-17",
    "Statement" : [
      {
        "Sid" : "BecomeTheManagedRolesTheRevokersAndTheProvisioners",
        "Effect" : "Allow",
        "Action" : [
          "sts:AssumeRole",
          "sts:TagSession",
          "sts:SetSourceIdentity"
        ],
        "Resource" : [
          "arn:${local.partition}:iam::*:role/sallyport/*",
          "arn:${local.partition}:iam::*:role/SallyportRevoker",
          "arn:${local.partition}:iam::*:role/SallyportProvisioner"
        ]
      },
      {
        "Sid" : "FederationTokens",
        "Effect" : "Allow",
        "Action" : [
          "sts:GetFederationToken",
          "sts:TagSession"
        ],
        "Resource" : "arn:${local.partition}:sts::${local.account}:federated-user/sp-*"
      },
      {
        "Sid" : "DeniesOfFederationTokensStandOnTheHubItself",
        "Effect" : "Allow",
        "Action" : [
          "iam:GetUser",
          "iam:ListUserPolicies",
          "iam:GetUserPolicy",
          "iam:PutUserPolicy",
          "iam:DeleteUserPolicy",
          "iam:ListAttachedUserPolicies"
        ],
        "Resource" : "arn:${local.partition}:iam::${local.account}:user/sallyport-hub"
      },
      {
        "Sid" : "MoreDeniesGoToManagedPoliciesOfThePortalsOwn",
        "Effect" : "Allow",
        "Action" : [
          "iam:GetPolicy",
          "iam:CreatePolicy",
          "iam:DeletePolicy",
          "iam:GetPolicyVersion",
          "iam:CreatePolicyVersion",
          "iam:DeletePolicyVersion",
          "iam:ListPolicyVersions"
        ],
        "Resource" : "arn:${local.partition}:iam::${local.account}:policy/sallyport/*"
      },
      {
        "Sid" : "AttachThoseAndNoOthers",
        "Effect" : "Allow",
        "Action" : [
          "iam:AttachUserPolicy",
          "iam:DetachUserPolicy"
        ],
        "Resource" : "arn:${local.partition}:iam::${local.account}:user/sallyport-hub",
        "Condition" : {
          "ArnLike" : {
            "iam:PolicyARN" : "arn:${local.partition}:iam::${local.account}:policy/sallyport/*"
          }
        }
      },
      {
        "Sid" : "FindWhatWasLeftBehind",
        "Effect" : "Allow",
        "Action" : [
          "iam:ListPolicies"
        ],
        "Resource" : "*"
      },
      {
        "Sid" : "VouchForPeopleInIdentityPools",
        "Effect" : "Allow",
        "Action" : [
          "cognito-identity:GetOpenIdTokenForDeveloperIdentity"
        ],
        "Resource" : "arn:${local.partition}:cognito-identity:*:${local.account}:identitypool/*"
      },
      {
        "Sid" : "RootTasksWhereTheHubManagesTheOrganization",
        "Effect" : "Allow",
        "Action" : [
          "sts:AssumeRoot"
        ],
        "Resource" : [
          "arn:${local.partition}:iam::*:root"
        ],
        "Condition" : {
          "ArnLike" : {
            "sts:TaskPolicyArn" : "arn:${local.partition}:iam::aws:policy/root-task/*"
          }
        }
      },
      {
        "Sid" : "ProbeFederationTokens",
        "Effect" : "Allow",
        "Action" : [
          "s3:ListAllMyBuckets"
        ],
        "Resource" : "*"
      }
    ]
  })
}

resource "aws_iam_user" "hub" {
  name                 = "sallyport-hub"
  permissions_boundary = aws_iam_policy.hub.arn
}

resource "aws_iam_user_policy_attachment" "hub" {
  user       = aws_iam_user.hub.name
  policy_arn = aws_iam_policy.hub.arn
}

output "hub_principal_arn" {
  value = aws_iam_user.hub.arn
}
