"""Below /scim/v2/<provider>/ (RFC 7644, 3.2)."""

from django.urls import path

from portal.scim.kinds import GROUPS, USERS
from portal.scim.views import discovery, queries
from portal.scim.views.resources import GROUP_RESOURCES, USER_RESOURCES

app_name = "scim"
urlpatterns = [
    path("", queries.root, name="root"),
    path(".search", queries.search_root, name="search"),
    path("ServiceProviderConfig", discovery.config, name="config"),
    path("ResourceTypes", discovery.resource_types, name="resource-types"),
    path("ResourceTypes/<str:name>", discovery.resource_type, name="resource-type"),
    path("Schemas", discovery.schemas, name="schemas"),
    path("Schemas/<str:name>", discovery.schema, name="schema"),
    path("Users", USER_RESOURCES.collection(), name="users"),
    path("Users/.search", queries.searching(USERS), name="users-search"),
    path("Users/<str:resource_id>", USER_RESOURCES.single(), name="user"),
    path("Groups", GROUP_RESOURCES.collection(), name="groups"),
    path("Groups/.search", queries.searching(GROUPS), name="groups-search"),
    path("Groups/<str:resource_id>", GROUP_RESOURCES.single(), name="group"),
    path("Bulk", discovery.unsupported, name="bulk"),
    path("Me", discovery.unsupported, name="me"),
    path("<path:rest>", discovery.nothing, name="nothing"),
]
