# Connects this account to Sallyport.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "hub_principal_arn" {
  description = "ARN of the IAM user or role that Sallyport calls AWS as."
  type        = string
}

variable "let_partners_in" {
  description = "Whether roles may be made here for partners to come in by, from their own accounts."
  type        = bool
  default     = true
}

data "aws_partition" "current" {}

data "aws_caller_identity" "current" {}

locals {
  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id
}

resource "aws_iam_role" "revoker" {
  name                 = "SallyportRevoker"
  description          = "Sallyport ends sessions by it: writes denies on roles under /sallyport/"
  max_session_duration = 3600
  assume_role_policy = jsonencode({
    "Version" : "2012-10-17",
    "Statement" : [
      {
        "Effect" : "Allow",
        "Principal" : {
          "AWS" : "${var.hub_principal_arn}"
        },
        "Action" : "sts:AssumeRole"
      }
    ]
  })
}

resource "aws_iam_role_policy" "revoker" {
  name = "Permissions"
  role = aws_iam_role.revoker.name
  policy = jsonencode({
    "Version" : "2012-10-17",
    "Statement" : [
      {
        "Sid" : "WriteDeniesOnManagedRoles",
        "Effect" : "Allow",
        "Action" : [
          "iam:GetRole",
          "iam:ListRolePolicies",
          "iam:GetRolePolicy",
          "iam:PutRolePolicy",
          "iam:DeleteRolePolicy",
          "iam:ListAttachedRolePolicies"
        ],
        "Resource" : "arn:${local.partition}:iam::${local.account}:role/sallyport/*"
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
          "iam:AttachRolePolicy",
          "iam:DetachRolePolicy"
        ],
        "Resource" : "arn:${local.partition}:iam::${local.account}:role/sallyport/*",
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
        "Sid" : "WriteDeniesOnPeoplesOwnUsers",
        "Effect" : "Allow",
        "Action" : [
          "iam:GetUser",
          "iam:ListUserPolicies",
          "iam:GetUserPolicy",
          "iam:PutUserPolicy",
          "iam:DeleteUserPolicy",
          "iam:ListAttachedUserPolicies"
        ],
        "Resource" : "arn:${local.partition}:iam::${local.account}:user/sallyport/*"
      },
      {
        "Sid" : "AttachThoseToUsersToo",
        "Effect" : "Allow",
        "Action" : [
          "iam:AttachUserPolicy",
          "iam:DetachUserPolicy"
        ],
        "Resource" : "arn:${local.partition}:iam::${local.account}:user/sallyport/*",
        "Condition" : {
          "ArnLike" : {
            "iam:PolicyARN" : "arn:${local.partition}:iam::${local.account}:policy/sallyport/*"
          }
        }
      }
    ]
  })
}

output "revoker_role_arn" {
  value = aws_iam_role.revoker.arn
}

resource "aws_iam_role" "provisioner" {
  count = var.let_partners_in ? 1 : 0

  name                 = "SallyportProvisioner"
  description          = "Sallyport makes and removes roles of partners by it: under /sallyport/partners/, within their boundary"
  max_session_duration = 3600
  assume_role_policy = jsonencode({
    "Version" : "2012-10-17",
    "Statement" : [
      {
        "Effect" : "Allow",
        "Principal" : {
          "AWS" : "${var.hub_principal_arn}"
        },
        "Action" : "sts:AssumeRole"
      }
    ]
  })
}

resource "aws_iam_role_policy" "provisioner" {
  count = var.let_partners_in ? 1 : 0

  name = "Permissions"
  role = aws_iam_role.provisioner[0].name
  policy = jsonencode({
    "Version" : "2012-10-17",
    "Statement" : [
      {
        "Sid" : "MakePartnersRolesWithinTheirBoundary",
        "Effect" : "Allow",
        "Action" : [
          "iam:CreateRole",
          "iam:PutRolePermissionsBoundary",
          "iam:PutRolePolicy"
        ],
        "Resource" : "arn:${local.partition}:iam::${local.account}:role/sallyport/partners/*",
        "Condition" : {
          "StringEquals" : {
            "iam:PermissionsBoundary" : "arn:${local.partition}:iam::${local.account}:policy/SallyportPartnerBoundary"
          }
        }
      },
      {
        "Sid" : "AttachWhatOnlyLooksOrIsMeantForPartners",
        "Effect" : "Allow",
        "Action" : [
          "iam:AttachRolePolicy"
        ],
        "Resource" : "arn:${local.partition}:iam::${local.account}:role/sallyport/partners/*",
        "Condition" : {
          "StringEquals" : {
            "iam:PermissionsBoundary" : "arn:${local.partition}:iam::${local.account}:policy/SallyportPartnerBoundary"
          },
          "ArnLike" : {
            "iam:PolicyARN" : [
              "arn:${local.partition}:iam::aws:policy/ReadOnlyAccess",
              "arn:${local.partition}:iam::aws:policy/SecurityAudit",
              "arn:${local.partition}:iam::aws:policy/job-function/ViewOnlyAccess",
              "arn:${local.partition}:iam::${local.account}:policy/sallyport-scopes/*"
            ]
          }
        }
      },
      {
        "Sid" : "TendAndRemovePartnersRoles",
        "Effect" : "Allow",
        "Action" : [
          "iam:UpdateAssumeRolePolicy",
          "iam:UpdateRole",
          "iam:TagRole",
          "iam:UntagRole",
          "iam:DeleteRolePolicy",
          "iam:DetachRolePolicy",
          "iam:DeleteRole",
          "iam:ListRolePolicies",
          "iam:GetRolePolicy",
          "iam:ListAttachedRolePolicies",
          "iam:ListInstanceProfilesForRole"
        ],
        "Resource" : "arn:${local.partition}:iam::${local.account}:role/sallyport/partners/*"
      },
      {
        "Sid" : "SeeThatARoleIsGone",
        "Effect" : "Allow",
        "Action" : [
          "iam:GetRole"
        ],
        "Resource" : "arn:${local.partition}:iam::${local.account}:role/*"
      },
      {
        "Sid" : "FindPartnersRoles",
        "Effect" : "Allow",
        "Action" : [
          "iam:ListRoles"
        ],
        "Resource" : "*"
      },
      {
        "Sid" : "ReadTheBoundary",
        "Effect" : "Allow",
        "Action" : [
          "iam:GetPolicy",
          "iam:GetPolicyVersion"
        ],
        "Resource" : "arn:${local.partition}:iam::${local.account}:policy/SallyportPartnerBoundary"
      }
    ]
  })
}

output "provisioner_role_arn" {
  value = one(aws_iam_role.provisioner[*].arn)
}

resource "aws_iam_policy" "partner_boundary" {
  count       = var.let_partners_in ? 1 : 0
  name        = "SallyportPartnerBoundary"
  description = "The most that a role of a partner can do. You may narrow it; Sallyport never writes it."
  policy = jsonencode({
    "Version" : "2012-10-17",
    "Statement" : [
      {
        "Sid" : "AllButIdentities",
        "Effect" : "Allow",
        "NotAction" : [
          "iam:*",
          "sts:*",
          "organizations:*",
          "account:*",
          "sso:*",
          "sso-directory:*",
          "identitystore:*"
        ],
        "Resource" : "*"
      },
      {
        "Sid" : "LookAtIdentities",
        "Effect" : "Allow",
        "Action" : [
          "iam:Get*",
          "iam:List*",
          "organizations:Describe*",
          "organizations:List*",
          "account:Get*",
          "sts:GetCallerIdentity",
          "sts:GetAccessKeyInfo",
          "sts:DecodeAuthorizationMessage"
        ],
        "Resource" : "*"
      },
      {
        "Sid" : "BecomeNobodyElse",
        "Effect" : "Deny",
        "Action" : [
          "sts:AssumeRole",
          "sts:AssumeRoot",
          "sts:GetFederationToken",
          "iam:PassRole"
        ],
        "Resource" : "*"
      },
      {
        "Sid" : "OpenNothingToOthers",
        "Effect" : "Deny",
        "Action" : [
          "s3:PutBucketPolicy",
          "s3:DeleteBucketPolicy",
          "s3:PutBucketAcl",
          "s3:PutObjectAcl",
          "s3:PutObjectVersionAcl",
          "s3:PutBucketPublicAccessBlock",
          "s3:PutAccountPublicAccessBlock",
          "s3:PutBucketOwnershipControls",
          "s3:PutReplicationConfiguration",
          "s3:PutAccessPointPolicy",
          "s3:CreateAccessPoint",
          "s3:CreateAccessGrant*",
          "s3:PutMultiRegionAccessPointPolicy",
          "s3:PutAccessPointPolicyForObjectLambda",
          "kms:PutKeyPolicy",
          "kms:CreateGrant",
          "kms:ReplicateKey",
          "secretsmanager:PutResourcePolicy",
          "secretsmanager:ReplicateSecretToRegions",
          "dynamodb:PutResourcePolicy",
          "kinesis:PutResourcePolicy",
          "glue:PutResourcePolicy",
          "logs:PutResourcePolicy",
          "logs:PutSubscriptionFilter",
          "logs:PutDestinationPolicy",
          "ssm:PutResourcePolicy",
          "ssm:ModifyDocumentPermission",
          "events:PutPermission",
          "sqs:AddPermission",
          "sqs:SetQueueAttributes",
          "sns:AddPermission",
          "sns:SetTopicAttributes",
          "lambda:AddPermission",
          "lambda:AddLayerVersionPermission",
          "lambda:CreateFunctionUrlConfig",
          "lambda:UpdateFunctionUrlConfig",
          "ecr:SetRepositoryPolicy",
          "ecr:PutRegistryPolicy",
          "ecr:PutReplicationConfiguration",
          "codeartifact:PutDomainPermissionsPolicy",
          "codeartifact:PutRepositoryPermissionsPolicy",
          "lakeformation:GrantPermissions",
          "lakeformation:BatchGrantPermissions",
          "lakeformation:PutDataLakeSettings",
          "elasticfilesystem:PutFileSystemPolicy",
          "backup:PutBackupVaultAccessPolicy",
          "glacier:SetVaultAccessPolicy",
          "ec2:ModifySnapshotAttribute",
          "ec2:ModifyImageAttribute",
          "ec2:ModifyVpcEndpointServicePermissions",
          "rds:ModifyDBSnapshotAttribute",
          "rds:ModifyDBClusterSnapshotAttribute",
          "redshift:AuthorizeSnapshotAccess",
          "redshift:AuthorizeDataShare",
          "redshift-serverless:PutResourcePolicy",
          "eks:CreateAccessEntry",
          "eks:AssociateAccessPolicy",
          "ses:PutIdentityPolicy",
          "ram:CreateResourceShare",
          "ram:AssociateResourceShare"
        ],
        "Resource" : "*"
      }
    ]
  })
}
