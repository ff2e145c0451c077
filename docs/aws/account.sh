#!/bin/sh
# Connects account 222233334444 to Sallyport. Run it with rights to IAM there. Where no partners are to be let in
# from their own accounts, leave out SallyportPartnerBoundary and SallyportProvisioner.
set -eu
test "$(aws sts get-caller-identity --query Account --output text)" = 222233334444

aws iam create-policy --policy-name SallyportPartnerBoundary \
  --description 'The most that a role of a partner can do. You may narrow it; Sallyport never writes it.' \
  --policy-document '{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "AllButIdentities",
      "Effect": "Allow",
      "NotAction": [
        "iam:*",
        "sts:*",
        "organizations:*",
        "account:*",
        "sso:*",
        "sso-directory:*",
        "identitystore:*"
      ],
      "Resource": "*"
    },
    {
      "Sid": "LookAtIdentities",
      "Effect": "Allow",
      "Action": [
        "iam:Get*",
        "iam:List*",
        "organizations:Describe*",
        "organizations:List*",
        "account:Get*",
        "sts:GetCallerIdentity",
        "sts:GetAccessKeyInfo",
        "sts:DecodeAuthorizationMessage"
      ],
      "Resource": "*"
    },
    {
      "Sid": "BecomeNobodyElse",
      "Effect": "Deny",
      "Action": [
        "sts:AssumeRole",
        "sts:AssumeRoot",
        "sts:GetFederationToken",
        "iam:PassRole"
      ],
      "Resource": "*"
    },
    {
      "Sid": "OpenNothingToOthers",
      "Effect": "Deny",
      "Action": [
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
      "Resource": "*"
    }
  ]
}'

aws iam create-role --role-name SallyportRevoker \
  --description 'Sallyport ends sessions by it: writes denies on roles under /sallyport/' --max-session-duration 3600 \
  --assume-role-policy-document '{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": {
        "AWS": "arn:aws:iam::111122223333:user/sallyport-hub"
      },
      "Action": "sts:AssumeRole"
    }
  ]
}'
aws iam put-role-policy --role-name SallyportRevoker --policy-name Permissions \
  --policy-document '{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "WriteDeniesOnManagedRoles",
      "Effect": "Allow",
      "Action": [
        "iam:GetRole",
        "iam:ListRolePolicies",
        "iam:GetRolePolicy",
        "iam:PutRolePolicy",
        "iam:DeleteRolePolicy",
        "iam:ListAttachedRolePolicies"
      ],
      "Resource": "arn:aws:iam::222233334444:role/sallyport/*"
    },
    {
      "Sid": "MoreDeniesGoToManagedPoliciesOfThePortalsOwn",
      "Effect": "Allow",
      "Action": [
        "iam:GetPolicy",
        "iam:CreatePolicy",
        "iam:DeletePolicy",
        "iam:GetPolicyVersion",
        "iam:CreatePolicyVersion",
        "iam:DeletePolicyVersion",
        "iam:ListPolicyVersions"
      ],
      "Resource": "arn:aws:iam::222233334444:policy/sallyport/*"
    },
    {
      "Sid": "AttachThoseAndNoOthers",
      "Effect": "Allow",
      "Action": [
        "iam:AttachRolePolicy",
        "iam:DetachRolePolicy"
      ],
      "Resource": "arn:aws:iam::222233334444:role/sallyport/*",
      "Condition": {
        "ArnLike": {
          "iam:PolicyARN": "arn:aws:iam::222233334444:policy/sallyport/*"
        }
      }
    },
    {
      "Sid": "FindWhatWasLeftBehind",
      "Effect": "Allow",
      "Action": [
        "iam:ListPolicies"
      ],
      "Resource": "*"
    },
    {
      "Sid": "WriteDeniesOnPeoplesOwnUsers",
      "Effect": "Allow",
      "Action": [
        "iam:GetUser",
        "iam:ListUserPolicies",
        "iam:GetUserPolicy",
        "iam:PutUserPolicy",
        "iam:DeleteUserPolicy",
        "iam:ListAttachedUserPolicies"
      ],
      "Resource": "arn:aws:iam::222233334444:user/sallyport/*"
    },
    {
      "Sid": "AttachThoseToUsersToo",
      "Effect": "Allow",
      "Action": [
        "iam:AttachUserPolicy",
        "iam:DetachUserPolicy"
      ],
      "Resource": "arn:aws:iam::222233334444:user/sallyport/*",
      "Condition": {
        "ArnLike": {
          "iam:PolicyARN": "arn:aws:iam::222233334444:policy/sallyport/*"
        }
      }
    }
  ]
}'

aws iam create-role --role-name SallyportProvisioner \
  --description 'Sallyport makes and removes roles of partners by it: under /sallyport/partners/, within their boundary' --max-session-duration 3600 \
  --assume-role-policy-document '{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": {
        "AWS": "arn:aws:iam::111122223333:user/sallyport-hub"
      },
      "Action": "sts:AssumeRole"
    }
  ]
}'
aws iam put-role-policy --role-name SallyportProvisioner --policy-name Permissions \
  --policy-document '{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "MakePartnersRolesWithinTheirBoundary",
      "Effect": "Allow",
      "Action": [
        "iam:CreateRole",
        "iam:PutRolePermissionsBoundary",
        "iam:PutRolePolicy"
      ],
      "Resource": "arn:aws:iam::222233334444:role/sallyport/partners/*",
      "Condition": {
        "StringEquals": {
          "iam:PermissionsBoundary": "arn:aws:iam::222233334444:policy/SallyportPartnerBoundary"
        }
      }
    },
    {
      "Sid": "AttachWhatOnlyLooksOrIsMeantForPartners",
      "Effect": "Allow",
      "Action": [
        "iam:AttachRolePolicy"
      ],
      "Resource": "arn:aws:iam::222233334444:role/sallyport/partners/*",
      "Condition": {
        "StringEquals": {
          "iam:PermissionsBoundary": "arn:aws:iam::222233334444:policy/SallyportPartnerBoundary"
        },
        "ArnLike": {
          "iam:PolicyARN": [
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
            "arn:aws:iam::aws:policy/SecurityAudit",
            "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess",
            "arn:aws:iam::222233334444:policy/sallyport-scopes/*"
          ]
        }
      }
    },
    {
      "Sid": "TendAndRemovePartnersRoles",
      "Effect": "Allow",
      "Action": [
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
      "Resource": "arn:aws:iam::222233334444:role/sallyport/partners/*"
    },
    {
      "Sid": "SeeThatARoleIsGone",
      "Effect": "Allow",
      "Action": [
        "iam:GetRole"
      ],
      "Resource": "arn:aws:iam::222233334444:role/*"
    },
    {
      "Sid": "FindPartnersRoles",
      "Effect": "Allow",
      "Action": [
        "iam:ListRoles"
      ],
      "Resource": "*"
    },
    {
      "Sid": "ReadTheBoundary",
      "Effect": "Allow",
      "Action": [
        "iam:GetPolicy",
        "iam:GetPolicyVersion"
      ],
      "Resource": "arn:aws:iam::222233334444:policy/SallyportPartnerBoundary"
    }
  ]
}'
