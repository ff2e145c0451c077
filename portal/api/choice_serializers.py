"""The choice of a call, as the API tells it: codes for programs, and the sentences that the pages show."""

from typing import Any

from rest_framework import serializers

from portal.access.choice import Cap, Choice, SessionPolicy
from portal.access.choice_calls import Call
from portal.access.choice_ends import Cut

CALLS = [(each.value, each.value) for each in Call]


class CallOptionSerializer(serializers.Serializer[Any]):
    call = serializers.ChoiceField(choices=CALLS)
    name = serializers.CharField(help_text="As AWS calls it.")
    is_possible = serializers.BooleanField()
    is_taken = serializers.BooleanField()
    why = serializers.CharField()


class ChoiceSerializer(serializers.Serializer[Choice]):
    call = serializers.ChoiceField(choices=CALLS, help_text="The one that the role's definition names.")
    why = serializers.CharField()
    refused = serializers.CharField(help_text="Why nothing is had now; empty: it is.")
    is_closed = serializers.BooleanField(help_text="Nothing is had now, by whichever call.")
    duration_seconds = serializers.SerializerMethodField(help_text="For how long AWS would be asked now.")
    capped_by = serializers.ChoiceField(
        choices=[(each.value, each.value) for each in Cap],
        allow_null=True,
        help_text="Which rule decided that.",
    )
    duration_why = serializers.CharField()
    policy = serializers.ChoiceField(choices=[(each.value, each.value) for each in SessionPolicy])
    policy_why = serializers.CharField()
    console = serializers.BooleanField(help_text="Whether the console can be opened from here.")
    console_why = serializers.CharField()
    end_why = serializers.CharField(help_text="How AWS ends it.")
    cut = serializers.ChoiceField(
        choices=[(each.value, each.value) for each in Cut],
        help_text="The condition keys by which a live session is cut off.",
    )
    cut_why = serializers.CharField()
    options = CallOptionSerializer(many=True, help_text="All ten, with why each is or isn't the one.")

    def get_duration_seconds(self, choice: Choice) -> int | None:
        return None if choice.duration is None else int(choice.duration.total_seconds())
