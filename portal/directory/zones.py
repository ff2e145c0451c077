from zoneinfo import available_timezones

from django.core.exceptions import ValidationError


def validate_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError(
            "%(name)s is not a time zone; allowed are IANA names such as Europe/Berlin", params={"name": name}
        )
