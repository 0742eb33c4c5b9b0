from datetime import UTC, datetime, timedelta

from app.sandbox.centra.quota import PLANS, Quota, write_retry_after
from tests.sandbox.centra.conftest import PEOPLE, Shop

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_sixty_first_request_in_ten_seconds_is_refused():
    quota = Quota("growth", NOW)
    assert [quota.take({"REQUEST_COUNT": 1}, NOW) for _ in range(60)] == [None] * 60
    assert quota.take({"REQUEST_COUNT": 1}, NOW) == NOW + timedelta(seconds=1)


def test_request_at_the_promised_moment_passes():
    quota = Quota("growth", NOW)
    quota.burn({"MUTATION_COUNT": 20}, NOW)
    resume = quota.take({"REQUEST_COUNT": 1, "MUTATION_COUNT": 4}, NOW)
    assert resume == NOW + timedelta(seconds=2)
    assert quota.take({"REQUEST_COUNT": 1, "MUTATION_COUNT": 4}, resume) is None


def test_refused_request_takes_nothing():
    quota = Quota("growth", NOW)
    quota.burn({"QUERY_COMPLEXITY": 250_000}, NOW)
    quota.take({"REQUEST_COUNT": 1, "QUERY_COMPLEXITY": 100}, NOW)
    used = {(one["type"], one["interval"]): one["usedQuota"] for one in quota.show(NOW)}
    assert used["REQUEST_COUNT", "TEN_SECONDS"] == 0


def test_hour_bucket_outlasts_the_ten_seconds():
    quota = Quota("growth", NOW)
    quota.burn({"REQUEST_COUNT": 5_000}, NOW)
    later = NOW + timedelta(seconds=10)
    remaining = {(one["type"], one["interval"]): one["remainingQuota"] for one in quota.show(later)}
    assert remaining["REQUEST_COUNT", "TEN_SECONDS"] == 60
    assert remaining["REQUEST_COUNT", "ONE_HOUR"] < 60


def test_every_plan_has_six_figures():
    assert {len(pair) for figures in PLANS.values() for pair in figures} == {2}


def test_retry_after_is_written_in_three_forms():
    resume = NOW + timedelta(seconds=7)
    forms = [write_retry_after(resume, NOW, form) for form in ("epoch", "http-date", "delta")]
    assert forms == ["1772442007", "Mon, 02 Mar 2026 09:00:07 GMT", "7"]


async def test_stranger_who_burns_the_requests_starves_everybody(shop: Shop):
    await shop.people("/quota", REQUEST_COUNT=5_000)
    answer = await shop.post("{ rateLimits { type } }")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > shop.sandbox.world.clock.now().timestamp()


async def test_each_mutation_of_a_document_counts(shop: Shop):
    lock = "setOrdersLock(input: {orders: [], isLocked: true}) { userErrors { message } }"
    await shop.data("mutation { " + " ".join(f"m{place}: {lock}" for place in range(3)) + " }")
    limits = (await shop.data("{ rateLimits { type intervalSeconds usedQuota } }"))["rateLimits"]
    used = {one["type"]: one["usedQuota"] for one in limits if one["intervalSeconds"] == 3600}
    assert used["MUTATION_COUNT"] == 3


async def test_quota_is_shared_by_all_tokens(shop: Shop):
    other = await shop.people("/tokens", integration="somebody else")
    for _ in range(5):
        await shop.data("{ rateLimits { type } }", other["token"])
    limits = (await shop.data("{ rateLimits { type intervalSeconds usedQuota } }"))["rateLimits"]
    used = {one["type"]: one["usedQuota"] for one in limits if one["intervalSeconds"] == 3600}
    assert used["REQUEST_COUNT"] == 6


async def test_other_plan_has_other_quotas(shop: Shop):
    await shop.sandbox.switch(centra__plan="enterprise")
    limits = (await shop.data("{ rateLimits { type intervalSeconds quota } }"))["rateLimits"]
    assert {"type": "REQUEST_COUNT", "intervalSeconds": 10, "quota": 1500} in limits


async def test_burning_an_unknown_measure_is_refused(shop: Shop):
    assert (await shop.sandbox.client.post(PEOPLE + "/quota", json={"PATIENCE": 1})).status_code == 400
