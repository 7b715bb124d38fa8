"""The service against its own OpenAPI description, by schemathesis."""

import pytest

pytest.importorskip("starlette")
pytest.importorskip("schemathesis")

import schemathesis
from hypothesis import HealthCheck, settings
from starlette.testclient import TestClient

from classifier.integrations.serve.app import make_app
from classifier.integrations.serve.bounds import LOOPBACK

schemathesis.serializer.alias("application/x-ndjson", "text/plain")
app = make_app(hosts=LOOPBACK | {"testserver"}, workers=1)
schema = schemathesis.openapi.from_asgi("/openapi.json", app)


@pytest.fixture(scope="module", autouse=True)
def running():
    """Workers start with the application's lifespan."""
    with TestClient(app, base_url="http://localhost"):
        yield


@schema.parametrize()
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_answers_are_as_described(case):
    case.call_and_validate()
