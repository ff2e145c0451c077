"""A partner's own pages, and who answers for a partner whose sponsor is gone."""

from django.urls import URLPattern, path

from portal.web import company, company_grants, company_people, company_trail, sponsor_questions

urlpatterns: list[URLPattern] = [
    path("company/", company.company, name="company"),
    path("company/grants/<uuid:grant_id>/", company_grants.company_grant, name="company-grant"),
    path(
        "company/grants/<uuid:grant_id>/all.zip", company_grants.company_grant_zip, name="company-grant-zip"
    ),
    path(
        "company/grants/<uuid:grant_id>/<slug:key>.txt",
        company_grants.company_grant_text,
        name="company-grant-text",
    ),
    path("company/people/", company_people.company_people, name="company-people"),
    path(
        "company/people/<uuid:person_id>/deactivate/",
        company_people.colleague_deactivate,
        name="colleague-deactivate",
    ),
    path(
        "company/people/<uuid:person_id>/reactivate/",
        company_people.colleague_reactivate,
        name="colleague-reactivate",
    ),
    path("company/people/<uuid:person_id>/admin", company_people.colleague_admin, name="colleague-admin"),
    path("company/trail/", company_trail.company_trail, name="company-trail"),
    path("company/trail.csv", company_trail.company_trail_csv, name="company-trail-csv"),
    path("answer-for/<uuid:partner_id>/", sponsor_questions.answer_for, name="answer-for"),
    path("answer-for/<uuid:partner_id>/me", sponsor_questions.take_over_partner, name="take-over"),
]
