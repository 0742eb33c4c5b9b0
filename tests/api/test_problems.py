"""Every error is problem+json and echoes nothing."""

import json

import pytest

from app.api import problems, webhooks
from app.api.problems import TITLES
from app.main import build
from tests.api.conftest import make_state

CANARY = "mrs.smith@example.com"


async def ask(shop, method, path, **more):
    return await shop.client.request(method, path, **more)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/api/v1/nowhere", 404, "not_found"),
        ("DELETE", "/api/v1/messages", 405, "method_not_allowed"),
        ("GET", "/api/v1/messages", 401, "unauthorized"),
        ("GET", "/problems/none", 404, "not_found"),
        ("GET", "/webhooks/shop", 404, "not_found"),
    ],
)
async def test_an_error_is_a_problem(shop, method, path, status, code):
    answer = await ask(shop, method, path)
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert set(problem) == {"type", "title", "status", "detail", "instance", "code", "request_id", "errors"}


async def test_405_says_what_is_allowed(shop):
    answer = await ask(shop, "DELETE", "/api/v1/messages")
    assert answer.headers["allow"] == "GET"


async def test_401_says_how_to_log_in(shop):
    answer = await ask(shop, "GET", "/api/v1/messages")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_403_names_the_scope(shop):
    answer = await ask(shop, "GET", "/api/v1/audit", headers=await shop.key("messages:read"))
    assert (answer.status_code, answer.json()["detail"]) == (403, "This needs the scope audit:read")


async def test_422_points_at_the_field_and_does_not_echo_it(shop):
    headers = await shop.key()
    answer = await ask(shop, "POST", "/api/v1/exceptions/1/retry", json={"reason": [CANARY]}, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": "/reason", "detail": "Input should be a valid string"}]
    assert CANARY not in answer.text


async def test_422_of_a_query_points_at_the_query(shop):
    answer = await ask(shop, "GET", "/api/v1/messages?limit=201", headers=await shop.key())
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#query/limit")


async def test_a_body_that_is_no_json_is_422_and_not_echoed(shop):
    headers = {**await shop.key(), "content-type": "application/json"}
    answer = await ask(shop, "POST", "/api/v1/exceptions/1/retry", content=CANARY, headers=headers)
    assert answer.status_code == 422
    assert CANARY not in answer.text


async def test_another_content_type_is_415_and_not_echoed(shop):
    headers = {**await shop.key(), "content-type": "text/plain"}
    answer = await ask(shop, "POST", "/api/v1/exceptions/1/retry", content=CANARY, headers=headers)
    assert (answer.status_code, answer.headers["accept"]) == (415, "application/json")
    assert CANARY not in answer.text


async def test_413_of_the_internal_api_is_a_problem(shop):
    answer = await ask(
        shop, "PUT", "/api/v1/mappings/charges", content=bytes((8 << 20) + 1), headers=await shop.key()
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_413_of_a_chunked_body_is_a_problem(shop):
    async def chunks():
        for _ in range(9):
            yield bytes(1 << 20)

    answer = await ask(shop, "PUT", "/api/v1/mappings/charges", content=chunks())
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_500_tells_nothing_but_its_id_and_logs_where(shop):
    async def broken():
        raise RuntimeError(CANARY)

    shop.client._transport.app.add_api_route("/broken", broken)
    answer = await ask(shop, "GET", "/broken")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert CANARY not in answer.text
    assert shop.log.events[-1][0] == "request.failed"


async def test_a_sound_request_id_is_kept_and_another_is_replaced(shop):
    kept = await ask(shop, "GET", "/nowhere", headers={"x-request-id": "trace-1234"})
    replaced = await ask(shop, "GET", "/nowhere", headers={"x-request-id": "<script>"})
    assert (kept.headers["x-request-id"], kept.json()["request_id"]) == ("trace-1234", "trace-1234")
    assert replaced.headers["x-request-id"] == "request-1"


async def test_the_type_of_a_problem_is_a_page(shop):
    for code, (_, title) in TITLES.items():
        answer = await ask(shop, "GET", f"/problems/{code}")
        assert (answer.status_code, title in answer.text) == (200, True)


def test_the_fixed_bodies_are_json():
    assert json.loads(webhooks.FORGED)["status"] == 401
    assert json.loads(problems.NO_REQUEST_BODY)["status"] == 400


def test_building_the_app_needs_nothing_open():
    state, *_ = make_state(None, None)
    assert build(state).state.sluice is state
