"""Ways by which permissions become more than they say, as data.

Source: each action's API reference; the ways through IAM, and through code that runs under another role, are those
that AWS's and others' published lists of privilege escalations have in common.
"""

from collections.abc import Mapping
from dataclasses import dataclass

_NARROW = "Leave these out, or overrule this with the reason why it must be."


@dataclass(frozen=True, slots=True)
class Way:
    """A way to more. `text` follows the actions' names and `this`."""

    text: str
    actions: frozenset[str]
    advice: str = _NARROW


def _of(service: str, *names: str) -> frozenset[str]:
    return frozenset(f"{service}:{name}" for name in names)


WAYS: Mapping[str, Way] = {
    "pass-role": Way(
        "hands a role's rights to something that runs: to all that the role may do.",
        _of("iam", "PassRole"),
        "Name the very roles as resource, and the service in iam:PassedToService; or leave it out.",
    ),
    "policy-edit": Way(
        "changes what others, or they themselves, may do.",
        _of(
            "iam",
            *("AddRoleToInstanceProfile", "AddUserToGroup", "AttachGroupPolicy", "AttachRolePolicy"),
            *(
                "AttachUserPolicy",
                "CreatePolicy",
                "CreatePolicyVersion",
                "CreateRole",
                "DeleteRolePermissionsBoundary",
            ),
            *("DeleteRolePolicy", "DeleteUserPermissionsBoundary", "DeleteUserPolicy", "DetachRolePolicy"),
            *("DetachUserPolicy", "PutGroupPolicy", "PutRolePermissionsBoundary", "PutRolePolicy"),
            *("PutUserPermissionsBoundary", "PutUserPolicy", "SetDefaultPolicyVersion"),
        ),
    ),
    "trust-edit": Way(
        "lets others in: by a role's trust policy, or by an identity provider.",
        _of(
            "iam",
            *("AddClientIDToOpenIDConnectProvider", "CreateOpenIDConnectProvider", "CreateSAMLProvider"),
            *("UpdateAssumeRolePolicy", "UpdateOpenIDConnectProviderThumbprint", "UpdateSAMLProvider"),
        ),
    ),
    "new-credentials": Way(
        "makes credentials that outlive the grant.",
        _of(
            "iam",
            *("CreateAccessKey", "CreateLoginProfile", "CreateServiceSpecificCredential", "CreateUser"),
            *(
                "DeactivateMFADevice",
                "ResetServiceSpecificCredential",
                "UpdateAccessKey",
                "UpdateLoginProfile",
            ),
            *("UploadSigningCertificate", "UploadSSHPublicKey"),
        )
        | _of("cognito-identity", "GetCredentialsForIdentity", "GetOpenIdTokenForDeveloperIdentity")
        | _of("redshift", "GetClusterCredentials", "GetClusterCredentialsWithIAM")
        | _of("lightsail", "DownloadDefaultKeyPair", "GetInstanceAccessDetails"),
    ),
    "assume-role": Way(
        "leads to other roles and sessions, of which a revocation knows nothing.",
        _of(
            "sts",
            *(
                "AssumeRole",
                "AssumeRoleWithSAML",
                "AssumeRoleWithWebIdentity",
                "AssumeRoot",
                "GetFederationToken",
            ),
        ),
        "The portal denies sts:Assume* in all that it issues: leave it out.",
    ),
    "runs-as-another": Way(
        "runs code or commands under another role's rights.",
        _of(
            "lambda",
            "CreateFunction",
            "UpdateFunctionCode",
            "UpdateFunctionConfiguration",
            "PublishLayerVersion",
        )
        | _of("ec2", "RunInstances", "ModifyInstanceAttribute", "AssociateIamInstanceProfile")
        | _of("ec2", "ReplaceIamInstanceProfileAssociation", "RequestSpotInstances")
        | _of("ec2-instance-connect", "SendSSHPublicKey", "SendSerialConsoleSSHPublicKey")
        | _of("ssm", "SendCommand", "StartSession", "StartAutomationExecution", "CreateAssociation")
        | _of("ssm", "UpdateAssociation")
        | _of("ecs", "ExecuteCommand", "RegisterTaskDefinition", "RunTask", "StartTask", "CreateService")
        | _of("ecs", "UpdateService")
        | _of("glue", "CreateDevEndpoint", "UpdateDevEndpoint", "CreateJob", "UpdateJob", "StartJobRun")
        | _of("glue", "CreateSession", "RunStatement")
        | _of("codebuild", "CreateProject", "UpdateProject", "StartBuild", "StartBuildBatch")
        | _of("cloudformation", "CreateStack", "UpdateStack", "CreateChangeSet", "ExecuteChangeSet")
        | _of("cloudformation", "CreateStackSet", "UpdateStackSet", "CreateStackInstances")
        | _of(
            "sagemaker", "CreateNotebookInstance", "CreatePresignedNotebookInstanceUrl", "CreateProcessingJob"
        )
        | _of("sagemaker", "CreateTrainingJob", "CreatePresignedDomainUrl")
        | _of("datapipeline", "CreatePipeline", "PutPipelineDefinition")
        | _of("states", "CreateStateMachine", "UpdateStateMachine", "StartExecution")
        | _of("batch", "RegisterJobDefinition", "SubmitJob")
        | _of("elasticmapreduce", "RunJobFlow", "AddJobFlowSteps")
        | _of("events", "PutTargets")
        | _of("scheduler", "CreateSchedule", "UpdateSchedule")
        | _of("iot", "CreateTopicRule", "ReplaceTopicRule")
        | _of("apprunner", "CreateService", "UpdateService")
        | _of("eks", "CreateAccessEntry", "AssociateAccessPolicy")
        | _of("bedrock", "CreateAgent", "UpdateAgent"),
        "Name the very functions or machines as resource, and look what their roles may do; or leave these out.",
    ),
    "kms-grant": Way(
        "gives a key's use to others, past the grant's end.",
        _of("kms", "CreateGrant", "PutKeyPolicy", "ReplicateKey"),
    ),
    "resource-policy": Way(
        "lets others reach the resource, from other accounts too, past the grant's end.",
        _of(
            "s3",
            "PutBucketPolicy",
            "DeleteBucketPolicy",
            "PutBucketAcl",
            "PutObjectAcl",
            "PutObjectVersionAcl",
        )
        | _of("s3", "PutAccessPointPolicy", "CreateAccessPoint", "PutBucketPublicAccessBlock")
        | _of(
            "s3", "PutAccountPublicAccessBlock", "PutReplicationConfiguration", "PutBucketOwnershipControls"
        )
        | _of("sqs", "AddPermission", "SetQueueAttributes")
        | _of("sns", "AddPermission", "SetTopicAttributes")
        | _of("lambda", "AddPermission", "AddLayerVersionPermission", "CreateFunctionUrlConfig")
        | _of("secretsmanager", "PutResourcePolicy", "ReplicateSecretToRegions")
        | _of("dynamodb", "PutResourcePolicy")
        | _of("ecr", "SetRepositoryPolicy", "PutRegistryPolicy", "PutReplicationConfiguration")
        | _of("glue", "PutResourcePolicy")
        | _of("lakeformation", "GrantPermissions", "BatchGrantPermissions", "PutDataLakeSettings")
        | _of("logs", "PutResourcePolicy", "PutSubscriptionFilter", "PutDestinationPolicy")
        | _of("events", "PutPermission")
        | _of("backup", "PutBackupVaultAccessPolicy")
        | _of("ec2", "ModifySnapshotAttribute", "ModifyImageAttribute")
        | _of("rds", "ModifyDBSnapshotAttribute", "ModifyDBClusterSnapshotAttribute")
        | _of("ssm", "ModifyDocumentPermission", "PutResourcePolicy")
        | _of("ram", "CreateResourceShare", "AssociateResourceShare"),
    ),
    "hides-traces": Way(
        "stops or changes what records who did what.",
        _of(
            "cloudtrail",
            "DeleteTrail",
            "PutEventSelectors",
            "StopLogging",
            "UpdateTrail",
            "DeleteEventDataStore",
        )
        | _of("config", "DeleteConfigurationRecorder", "StopConfigurationRecorder", "DeleteDeliveryChannel")
        | _of("guardduty", "DeleteDetector", "UpdateDetector", "DisassociateFromMasterAccount")
        | _of("logs", "DeleteLogGroup", "DeleteLogStream", "PutRetentionPolicy")
        | _of("securityhub", "DisableSecurityHub"),
    ),
    "leaves-organization": Way(
        "changes the organization, its accounts or the rules over all of them.",
        _of(
            "organizations",
            *("AttachPolicy", "CreateAccount", "DeletePolicy", "DetachPolicy", "DisablePolicyType"),
            *(
                "LeaveOrganization",
                "RegisterDelegatedAdministrator",
                "RemoveAccountFromOrganization",
                "UpdatePolicy",
            ),
        )
        | _of("sso", "AttachManagedPolicyToPermissionSet", "CreateAccountAssignment", "CreatePermissionSet")
        | _of("sso", "PutInlinePolicyToPermissionSet", "ProvisionPermissionSet"),
    ),
}
# No way to more by itself; who says yes should have read it.
SECRETS = (
    _of("secretsmanager", "GetSecretValue", "BatchGetSecretValue")
    | _of("ssm", "GetParameter", "GetParameters", "GetParametersByPath", "GetParameterHistory")
    | _of("kms", "Decrypt")
)
