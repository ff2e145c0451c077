from django.test import Client


def test_it_answers_without_a_database(client: Client) -> None:
    """No `db` fixture: a query would fail the test."""
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content, answer.headers["Content-Type"]) == (200, b"ok", "text/plain")
    assert answer.cookies == {}
    assert client.post("/healthz").status_code == 405
