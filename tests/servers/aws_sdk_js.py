"""The AWS SDK for JavaScript as people have it, unmodified: installed by `npm ci` (`.ci/run` does it)."""

from pathlib import Path

from tests.servers.process import missing, need_command

FOLDER = Path(__file__).parent / "aws_sdk_js"


def sdk_client() -> list[str]:
    """Return the command of a program that lists a bucket for ever; without the SDK skip or fail."""
    node = need_command("node", package="nodejs")
    if not (FOLDER / "node_modules" / "@aws-sdk" / "client-s3").is_dir():
        missing("the AWS SDK for JavaScript is not installed (npm ci in tests/servers/aws_sdk_js)")
    return [node, str(FOLDER / "client.mjs")]
