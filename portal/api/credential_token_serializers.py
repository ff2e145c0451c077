"""Tokens of programs over the wire."""

from typing import Any

from rest_framework import serializers

from portal.access.models import CredentialToken


class CredentialTokenSerializer(serializers.ModelSerializer[CredentialToken]):
    """A token by which a program fetches one grant's credentials. Never what it reads: that is shown once."""

    is_usable = serializers.SerializerMethodField(
        help_text="Whether neither it nor the API token by which it was made is revoked or past its end; "
        "its grant may stop it all the same."
    )

    api_token_id = serializers.UUIDField(
        allow_null=True,
        help_text="The API token by which it was made: it stops with that. Null: in a browser.",
    )

    class Meta:
        model = CredentialToken
        fields = [
            *("id", "name", "prefix", "is_usable", "made_at", "expires_at", "revoked_at", "last_used_at"),
            "api_token_id",
        ]

    def get_is_usable(self, token: CredentialToken) -> bool:
        return token.is_usable(self.context["now"])


class MadeCredentialTokenSerializer(CredentialTokenSerializer):
    """The answer to making one: the only time that it is shown."""

    token = serializers.CharField(help_text="For AWS_CONTAINER_AUTHORIZATION_TOKEN, or a token file.")
    credentials_url = serializers.CharField(help_text="For AWS_CONTAINER_CREDENTIALS_FULL_URI.")

    class Meta(CredentialTokenSerializer.Meta):
        fields = [*CredentialTokenSerializer.Meta.fields, "token", "credentials_url"]


class CredentialTokenOrder(serializers.Serializer[dict[str, Any]]):
    name = serializers.CharField(max_length=80, help_text="To know it by, such as the program's.")
    lifetime_minutes = serializers.IntegerField(
        min_value=1,
        max_value=527_040,
        required=False,
        allow_null=True,
        default=None,
        help_text="Never longer than its grant and the API token that makes it; null: as long as those.",
    )
