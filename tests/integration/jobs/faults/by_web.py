"""Credentials asked for as a program does, through the API of a running web process."""

import http.client
import json
from dataclasses import dataclass
from typing import Any

from portal.access.models import Grant
from portal.directory.operations.api_tokens import create_token
from portal.kernel.actor import Actor, ActorKind
from tests.integration.jobs.faults.installation import Installation


@dataclass(frozen=True)
class Told:
    status: int
    body: Any


def ask(made: Installation, port: int, grant: Grant) -> Told | None:
    """Ask with a token of the grant's person; None: no answer came."""
    person = grant.holder
    actor = Actor(ActorKind.PERSON, person.name, person.pk)
    plain = create_token(name="faults", scopes=["credentials:issue"], days=1, actor=actor).plain
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Host": f"localhost:{port}", "Authorization": f"Bearer {plain}"}
    try:
        connection.request("POST", f"/api/v1/grants/{grant.pk}/credentials", headers=headers)
        answer = connection.getresponse()
        return Told(answer.status, json.loads(answer.read()))
    except (http.client.HTTPException, OSError):
        return None
    finally:
        connection.close()
