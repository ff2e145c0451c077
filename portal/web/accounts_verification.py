"""How far an account's verification is, and what came of it, in words."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from portal.access.operations.accounts.verify_account import is_idle
from portal.catalog.models import AwsAccount
from portal.web.partner_lines import Clock
from portal.web.presenters.accounts import Verification
from portal.web.presenters.labels import Badge
from portal.web.presenters.providers import Step

NEVER: Final = Badge("Not verified yet", "wait", "info")
FINE: Final = Badge("As it should be", "live", "check")
UNDER_WAY: Final = Badge("Being verified", "wait", "hourglass")
LOST: Final = Badge("Broken off", "danger", "alert")
STEP_OK: Final = Badge("OK", "live", "check")
STEP_WRONG: Final = Badge("Wrong", "danger", "alert")
STEP_LEFT_OUT: Final = Badge("Not tried", "quiet", "dot")
NOT_TRIED: Final = "Not tried: "
# What is dangerous comes first: it can wait for nobody.
TOO_MUCH: Final = "It can too much"


def verification_of(account: AwsAccount, clock: Clock) -> Verification:
    steps = [_step(each) for each in account.verification if each["is_ok"] is not None]
    if account.verify_asked_at is not None:
        return _under_way(account, steps, clock)
    if account.verified_at is None:
        return Verification(NEVER, "Nobody has tried yet what Sallyport can and can't do here.")
    failed = _of_tone(steps, "danger")
    return Verification(
        badge=_wrong(len(failed)) if failed else FINE,
        says=_says(failed),
        failed=tuple(sorted(failed, key=lambda step: not step.detail.startswith(TOO_MUCH))),
        fine=_of_tone(steps, "live"),
        left_out=_of_tone(steps, "quiet"),
        verified=clock.moment(account.verified_at),
    )


def _under_way(account: AwsAccount, steps: Sequence[Step], clock: Clock) -> Verification:
    is_lost = is_idle(account, at=clock.now)
    doing = next((str(each["name"]) for each in account.verification if each["is_ok"] is None), "")
    if is_lost:
        says = (
            "No worker has begun. Is one running? You can ask again."
            if account.verify_begun_at is None
            else "It was broken off. You can ask again."
        )
    else:
        says = (
            "A worker begins in a moment." if not account.verify_begun_at else f"{len(steps)} steps so far."
        )
    person = account.verify_asked_by
    return Verification(
        badge=LOST if is_lost else UNDER_WAY,
        says=says,
        failed=_of_tone(steps, "danger"),
        fine=_of_tone(steps, "live"),
        left_out=_of_tone(steps, "quiet"),
        is_under_way=not is_lost,
        doing="" if is_lost else doing,
        asked=clock.moment(account.verify_asked_at) if account.verify_asked_at else None,
        asked_by=person.name if person else "a command",
        can_ask=is_lost,
        is_lost=is_lost,
        fingerprint=f"{len(steps)}{doing}",
    )


def _step(kept: Mapping[str, Any]) -> Step:
    detail = str(kept["detail"])
    if not kept["is_ok"]:
        return Step(str(kept["name"]), STEP_WRONG, detail, str(kept["advice"]))
    if detail.startswith(NOT_TRIED):
        said = detail.removeprefix(NOT_TRIED)
        return Step(str(kept["name"]), STEP_LEFT_OUT, said[:1].upper() + said[1:])
    return Step(str(kept["name"]), STEP_OK, detail)


def _of_tone(steps: Sequence[Step], tone: str) -> tuple[Step, ...]:
    return tuple(step for step in steps if step.badge.tone == tone)


def _wrong(number: int) -> Badge:
    return Badge("One thing is wrong" if number == 1 else f"{number} things are wrong", "danger", "alert")


def _says(failed: Sequence[Step]) -> str:
    too_much = sum(step.detail.startswith(TOO_MUCH) for step in failed)
    if too_much:
        return "Sallyport can do more here than it should."
    if failed:
        return "Something that Sallyport needs doesn't work here."
    return "Sallyport can do here what it should, and nothing that was tried beyond that."
