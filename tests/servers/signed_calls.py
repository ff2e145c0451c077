"""One cheap signed call with anybody's credentials: s3:ListAllMyBuckets, without a boto3 client for each (60 ms)."""

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import urllib3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Keys

from brokers.types import Credentials
from tests.servers.aws_outcome import ALLOWED
from tests.servers.ministack import REGION

_CODE = re.compile(r"<Code>([^<]+)</Code>")
THREADS = 4


class SignedCalls:
    """Lists buckets at `url` with one session after another's credentials."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = urllib3.PoolManager(maxsize=THREADS)

    def says(self, credentials: Credentials) -> str:
        """Return what AWS says: Allowed, or the code of its refusal, such as AccessDenied."""
        keys = Keys(credentials.access_key_id, credentials.secret_access_key, credentials.session_token)
        request = AWSRequest("GET", f"{self.url}/")
        S3SigV4Auth(keys, "s3", REGION).add_auth(request)
        answer = self.http.request(
            "GET", f"{self.url}/", headers=dict(request.headers.items()), retries=False
        )
        if answer.status == 200:
            return ALLOWED
        found = _CODE.search(answer.data.decode(errors="replace"))
        return found[1] if found else f"HTTP {answer.status}"

    def all_say(self, sessions: Mapping[str, Credentials]) -> Mapping[str, str]:
        """Ask for many at once; by the keys given."""
        with ThreadPoolExecutor(THREADS) as pool:
            answers: Sequence[str] = list(pool.map(self.says, sessions.values()))
        return dict(zip(sessions, answers, strict=True))
