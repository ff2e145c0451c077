from django.urls import path

from portal.api.views.exchange import CognitoExchangeView, SamlExchangeView, WebIdentityExchangeView

urlpatterns = [
    path("v1/exchange/saml", SamlExchangeView.as_view(), name="exchange-saml"),
    path("v1/exchange/web-identity", WebIdentityExchangeView.as_view(), name="exchange-web-identity"),
    path("v1/exchange/cognito", CognitoExchangeView.as_view(), name="exchange-cognito"),
]
