"""Console sign-in: temporary credentials in, a URL out that signs one browser in.

Source: IAM User Guide, "Enable custom identity broker access to the AWS console".
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode, urlsplit

from brokers import http
from brokers.aws import checks
from brokers.aws.hub import Hub
from brokers.aws.partitions import HOSTS, check_destination, require_partition, sign_in_origin
from brokers.aws.service_model import limit_of
from brokers.aws.shown import shown
from brokers.aws.sts import utc_now
from brokers.errors import AwsRefused, AwsUnavailable, LimitExceeded, NotPossible
from brokers.types import Credentials, Partition, SignInUrl

OPERATION = "signin:getSigninToken"
_URL_LIFE = timedelta(minutes=15)
_ISSUER_MAX = 2048
_OK = 200
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500


class FederationConsole:
    """`brokers.ports.ConsoleBroker` over AWS's federation endpoint. Safe to share between threads.

    `signin_region`: use the region's own sign-in host. `signin_endpoint`: an origin that stands in for AWS's
    (demo and tests only); destinations are held to the partition's console hosts nevertheless.
    """

    def __init__(
        self,
        hub: Hub,
        *,
        signin_region: str | None = None,
        signin_endpoint: str | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._hub = hub
        self._stand_in = None if signin_endpoint is None else _stand_in(signin_endpoint)
        self._origin = self._stand_in or sign_in_origin(hub.partition, signin_region)
        self._now = now

    def sign_in_url(
        self,
        credentials: Credentials,
        *,
        partition: Partition,
        destination: str,
        issuer: str,
        session_duration: timedelta | None,
    ) -> SignInUrl:
        """Return a sign-in URL, good for 15 minutes and more than once: a secret.

        `session_duration`: 900 to 43,200 s, for unchained AssumeRole credentials only; None: the console
        session lives as long as the credentials. `issuer`: where AWS sends people whose session is over.

        Raises:
            NotPossible, LimitExceeded: before any call.
            AwsRefused, AwsUnavailable: what the endpoint did.
        """
        require_partition(partition, self._hub.partition, what="The console")
        self.check_destination(partition, destination)
        _check_issuer(issuer)
        token = self._sign_in_token(credentials, self._duration(session_duration))
        fields = {"Action": "login", "Issuer": issuer, "Destination": destination, "SigninToken": token}
        url = f"{self._origin}/federation?{urlencode(fields, quote_via=quote)}"
        return SignInUrl(url, self._now() + _URL_LIFE)

    def sign_out_first(self, sign_in: SignInUrl) -> SignInUrl:
        """Wrap a sign-in URL so that a console session that is open already is left first. As secret."""
        fields = {"Action": "logout", "redirect_uri": sign_in.url}
        return SignInUrl(f"{self._origin}/oauth?{urlencode(fields, quote_via=quote)}", sign_in.expires_at)

    def check_destination(self, partition: Partition, destination: str) -> None:
        """Raise NotPossible unless `destination` is https on one of the partition's console hosts."""
        check_destination(partition, destination)

    def sign_in_origins(self) -> tuple[str, ...]:
        """Return the sources that a sign-in redirect passes, as Content-Security-Policy writes them."""
        if self._stand_in is not None:
            return (self._stand_in,)
        hosts = HOSTS[self._hub.partition]
        return tuple(
            f"https://{label}{host}" for host in (hosts.sign_in, hosts.console) for label in ("", "*.")
        )

    def _duration(self, wanted: timedelta | None) -> dict[str, str]:
        if wanted is None:
            return {}
        if self._hub.is_temporary():
            raise NotPossible(
                "SessionDuration isn't legal: the hub's credentials are temporary, so the role was chained."
            )
        limit = limit_of("sts", "AssumeRole", "DurationSeconds")
        least, most = limit.minimum or 0, limit.maximum or 0
        return {
            "SessionDuration": str(checks.seconds("SessionDuration", wanted, minimum=least, maximum=most))
        }

    def _sign_in_token(self, credentials: Credentials, duration: dict[str, str]) -> str:
        session = {
            "sessionId": credentials.access_key_id,
            "sessionKey": credentials.secret_access_key,
            "sessionToken": credentials.session_token,
        }
        form = {"Action": "getSigninToken", "Session": json.dumps(session), **duration}
        try:
            # POST: with GET the credentials would stand in a URL.
            answer = http.post_form(f"{self._origin}/federation", form)
        except http.HttpError as error:
            raise AwsUnavailable(OPERATION, error.detail) from None
        return _token_in(answer)


def _token_in(answer: http.HttpAnswer) -> str:
    # The body is never quoted: a stand-in or a proxy might echo the credentials in it.
    if answer.status == _TOO_MANY_REQUESTS or answer.status >= _SERVER_ERROR:
        raise AwsUnavailable(OPERATION, f"HTTP status {answer.status}")
    if answer.status != _OK:
        detail = "the sign-in endpoint refused the credentials or the session duration"
        raise AwsRefused(OPERATION, f"Http{answer.status}", detail)
    try:
        token = json.loads(answer.body)["SigninToken"]
    except (ValueError, KeyError, TypeError):
        token = None
    if not isinstance(token, str) or not token:
        raise AwsUnavailable(OPERATION, "the answer has no SigninToken")
    return token


def _check_issuer(issuer: str) -> None:
    if len(issuer) > _ISSUER_MAX or not issuer.isprintable() or not http.is_protected(issuer):
        allowed = f"the portal's https address, up to {_ISSUER_MAX:,} characters"
        raise LimitExceeded("Issuer", shown(issuer), allowed)


def _stand_in(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    if not http.is_protected(endpoint) or parts.path not in ("", "/") or parts.query or parts.username:
        raise LimitExceeded("signin_endpoint", shown(endpoint), "an origin: https, or http on this machine")
    return http.origin_of(endpoint)
