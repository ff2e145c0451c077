"""A role's unique id (AROA…) is half of the key that cuts one session: read it from AWS before the first issue.

Of a person's own IAM user it is the whole key, with a time.
"""

from brokers.errors import BrokerError
from brokers.ports import AwsPorts
from portal.access.models import AwsSession, Grant
from portal.access.operations.refusals import refusals_recorded
from portal.catalog.models import AwsRole
from portal.kernel.actor import Actor
from portal.kernel.errors import UpstreamError


def ensure_role_id(*, own: Grant | None, kind: AwsSession.Kind, aws: AwsPorts, actor: Actor) -> None:
    """Read and keep the id of the role of somebody's own grant, once.

    Not where no deny can be written: there is no use for it, and AWS may not let the portal look either.

    Raises:
        UpstreamError: AWS refused or did not answer; an audit row says so.
    """
    if own is None or not lacks_id(own.role):
        return
    with refusals_recorded(grant_id=own.pk, kind=kind.value, actor=actor):
        try:
            found = aws.principals.unique_id(own.role.deny_target)
        except BrokerError as problem:
            raise UpstreamError(
                str(problem), upstream_code=problem.code, retryable=problem.retryable
            ) from problem
    AwsRole.objects.filter(pk=own.role_id, unique_id="").update(unique_id=found)


def lacks_id(role: AwsRole) -> bool:
    """Whether a deny could not name a session of this role whose answer never came."""
    is_named_by_it = role.is_role or role.method == AwsRole.Method.SESSION_TOKEN
    return is_named_by_it and not role.unique_id and role.has_kill_switch
