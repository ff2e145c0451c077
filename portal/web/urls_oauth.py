"""Signing in a program: what it calls itself, and what its person opens."""

from django.urls import path

from portal.web import device, oauth

urlpatterns = [
    path("device", device.device, name="device"),
    path("oauth/device_authorization", oauth.device_authorization, name="oauth-device-authorization"),
    path("oauth/token", oauth.token, name="oauth-token"),
    path("oauth/revoke", oauth.revoke, name="oauth-revoke"),
    path(".well-known/oauth-authorization-server", oauth.metadata, name="oauth-metadata"),
]
