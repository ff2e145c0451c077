"""AWS accounts of the company's own. What has a name of its own stands before what may be a number."""

from django.urls import URLPattern, path

from portal.web import accounts

urlpatterns: list[URLPattern] = [
    path("accounts/", accounts.accounts, name="accounts"),
    path("accounts/connect/", accounts.account_connect, name="account-connect"),
    path("accounts/<slug:number>/", accounts.aws_account, name="aws-account"),
    path("accounts/<slug:number>/verify", accounts.aws_account_verify, name="aws-account-verify"),
    path("accounts/<slug:number>/state", accounts.aws_account_state, name="aws-account-state"),
    path("accounts/<slug:number>/files/<slug:key>", accounts.aws_account_file, name="aws-account-file"),
]
