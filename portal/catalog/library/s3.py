"""Scopes of files in S3. None of them lets anybody change who else may: no policies, no access lists."""

from portal.catalog.library.entries import ARN, OWN_BUCKET, LibraryScope, allow, listing

BUCKET = f"{ARN}:s3:::{{{{bucket}}}}"
FOLDER = f"{BUCKET}/{{{{folder}}}}"
OF_BUCKET = {"bucket": "bucket_name"}
OF_FOLDER = {"bucket": "bucket_name", "folder": "folder"}
READ = ["s3:GetObject", "s3:GetObjectVersion"]
WRITE = [
    *("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject"),
    *("s3:ListMultipartUploadParts", "s3:PutObject"),
]

S3 = (
    LibraryScope(
        key="s3-bucket-read",
        name="S3 bucket, read only",
        summary="List and read all files in the bucket {{bucket}}; change nothing",
        parameters=OF_BUCKET,
        statements=(
            allow(["s3:GetBucketLocation", "s3:ListBucket"], BUCKET, Condition=OWN_BUCKET),
            allow(READ, f"{BUCKET}/*", Condition=OWN_BUCKET),
        ),
    ),
    LibraryScope(
        key="s3-folder-read",
        name="S3 folder, read only",
        summary="List and read the files under {{folder}}/ in the bucket {{bucket}}; change nothing",
        parameters=OF_FOLDER,
        statements=(
            allow(["s3:GetBucketLocation"], BUCKET, Condition=OWN_BUCKET),
            listing("{{bucket}}", "{{folder}}"),
            allow(READ, f"{FOLDER}/*", Condition=OWN_BUCKET),
        ),
    ),
    LibraryScope(
        key="s3-folder-write",
        name="S3 folder, read and write",
        summary="List, read, write and delete files under {{folder}}/ in the bucket {{bucket}}",
        parameters=OF_FOLDER,
        statements=(
            allow(["s3:GetBucketLocation"], BUCKET, Condition=OWN_BUCKET),
            listing("{{bucket}}", "{{folder}}"),
            allow(WRITE, f"{FOLDER}/*", Condition=OWN_BUCKET),
        ),
    ),
    LibraryScope(
        key="s3-drop-box",
        name="S3 drop-box",
        summary="Put files under {{folder}}/ in the bucket {{bucket}}, over one of the same name too; "
        "list, read and delete none",
        parameters=OF_FOLDER,
        statements=(allow(["s3:PutObject"], f"{FOLDER}/*", Condition=OWN_BUCKET),),
    ),
)
