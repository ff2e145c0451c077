from dataclasses import dataclass

from portal.web.presenters.words import Countdown


@dataclass(frozen=True, slots=True)
class SponsorQuestionView:
    """A partner whose sponsor is gone. `gone`: who it was, if anybody; `asked`: whom it waits for, empty: all admins.

    `is_asked`: it is the reader. `left`: how long; `then`: what happens afterwards.
    """

    partner_id: str
    partner: str
    gone: str
    asked: str
    is_asked: bool
    left: Countdown
    then: str
    may_answer: bool
