from dataclasses import dataclass

from portal.web.presenters.words import Moment


@dataclass(frozen=True, slots=True)
class SponsorQuestionView:
    """A partner whose sponsor is gone. `gone`: who it was, if anybody; `asked`: whom it waits for, empty: all admins.

    `is_asked`: it is the reader. `by`: until when; `then`: what happens where nobody did.
    """

    partner_id: str
    partner: str
    gone: str
    asked: str
    is_asked: bool
    by: Moment
    then: str
    may_answer: bool
