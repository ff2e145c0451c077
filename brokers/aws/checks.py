"""The kinds of check that every limit is made of: text, whole seconds, counts, characters of policy."""

import re
from datetime import timedelta

from brokers.aws.service_model import ModelLimit
from brokers.aws.shown import hidden, shown
from brokers.errors import LimitExceeded

_WHITE_SPACE = re.compile(r"\s+")


def text(
    field: str, value: str, limit: ModelLimit, *, secret: bool = False, maximum: int | None = None
) -> None:
    """Refuse a text whose length or characters are out of `limit` (`maximum` overrules the model's)."""
    least, most = limit.minimum or 0, limit.maximum if maximum is None else maximum
    if most is None:  # pragma: no cover - every text that is checked has a maximum in the model
        raise LookupError(f"botocore's model has no maximum for {field}")
    if least <= len(value) <= most and (limit.pattern is None or limit.pattern.fullmatch(value)):
        return
    span = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    words = f"{span} characters{limit.characters}"
    raise LimitExceeded(field, hidden(value) if secret else shown(value), words)


def seconds(field: str, value: timedelta, *, minimum: int, maximum: int, why: str = "") -> int:
    """Return `value` in whole seconds (a fraction is dropped), refused out of `minimum` to `maximum`."""
    whole = value // timedelta(seconds=1)
    if minimum <= whole <= maximum:
        return whole
    raise LimitExceeded(field, f"{whole:,} s", f"{minimum:,} to {maximum:,} s{why}")


def count(field: str, value: int, maximum: int, what: str) -> None:
    """Refuse more than `maximum` of something."""
    if value > maximum:
        raise LimitExceeded(field, f"{value:,} {what}", f"at most {maximum:,} {what}")


def characters(field: str, value: int, maximum: int) -> None:
    """Refuse more than `maximum` characters of policy."""
    count(field, value, maximum, "characters")


def iam_size(document: str) -> int:
    """Return a policy's size as IAM counts it against its quotas: white space is not counted.

    Source: IAM User Guide, "IAM and AWS STS quotas". Session policies are counted with it.
    """
    return len(_WHITE_SPACE.sub("", document))
