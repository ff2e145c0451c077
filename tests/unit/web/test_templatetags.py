"""Icons, account numbers and ARNs in templates."""

from xml.etree import ElementTree as ET

import pytest
from django.template import Context, Template

from portal.web.presenters import BADGES
from portal.web.templatetags.sallyport import ICONS, head, icon, tail

ARN = "arn:aws:iam::444455556666:role/sallyport/production/BillingRepairOperator"


@pytest.mark.parametrize("name", sorted(ICONS))
def test_every_icon_is_a_well_formed_drawing_that_says_nothing(name: str) -> None:
    drawing = ET.fromstring(icon(name))
    assert drawing.get("aria-hidden") == "true"
    assert len(drawing)
    assert not [part for part in drawing.iter() if "style" in part.attrib]


def test_every_state_has_a_shape() -> None:
    assert {badge.icon for badge in BADGES.values()} <= ICONS.keys()


@pytest.mark.parametrize("text", [ARN, "", "short", "x" * 36, "x" * 37])
def test_an_arn_loses_nothing_between_its_two_halves(text: str) -> None:
    assert head(text) + tail(text) == text


def test_the_end_of_an_arn_is_always_shown() -> None:
    assert tail(ARN) == "lingRepairOperator"


def test_what_a_person_typed_is_escaped() -> None:
    page = Template("{% load sallyport %}{{ number|account_number }} {{ arn|head }}{{ arn|tail }}")
    told = page.render(Context({"number": "111122223333", "arn": "<script>alert(1)</script><b>" * 2}))
    assert told.startswith("1111-2222-3333 ")
    assert "<" not in told
