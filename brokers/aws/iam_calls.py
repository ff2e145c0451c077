"""How IAM is called: one verb, or all pages of a list; only BrokerErrors come out."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from brokers.aws.aws_errors import translated

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


def call(client: "IAMClient", method: str, **parameters: Any) -> Any:
    """Call `client.method`, `method` as `get_role_policy`. Raises as `aws_errors.translated`."""
    called: Callable[..., Any] = getattr(client, method)
    with translated(f"iam:{method.title().replace('_', '')}"):
        return called(**parameters)


def pages(client: "IAMClient", method: str, key: str, **parameters: str) -> Iterator[Any]:
    """Yield what `key` lists on all pages. One call for each 100, IAM's own default."""
    marker: dict[str, str] = {}
    while True:
        answer = call(client, method, **parameters, **marker)
        yield from answer.get(key, ())
        if not answer.get("IsTruncated"):
            return
        marker = {"Marker": answer.get("Marker", "")}
