from datetime import UTC, datetime, timedelta

import httpx
import pytest

from app.domain.errors import DestinationError
from tests.connectors.sage200.stage import START, order


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("120", START + timedelta(seconds=120)),
        ("0", START + timedelta(seconds=1)),
        (str(int(START.timestamp()) + 90), START + timedelta(seconds=90)),
        ("Mon, 02 Mar 2026 10:05:00 GMT", START + timedelta(minutes=5)),
        ("2026-03-02T10:05:00Z", START + timedelta(minutes=5)),
        ("2026-03-02T10:05:00", START + timedelta(minutes=5)),
        ("soon", None),
        ("9" * 30, None),
        (None, None),
    ],
)
async def test_a_429_rests_the_destination_until_it_says(erp, sage, header, expected):
    headers = {} if header is None else {"Retry-After": header}
    sage.on_create = lambda _: httpx.Response(429, headers=headers)
    with pytest.raises(DestinationError) as raised:
        await erp.place(order(), lambda: None)
    assert raised.value.resume_at == expected


async def test_a_read_obeys_retry_after_of_a_503(erp, sage):
    sage.on_read = lambda _: httpx.Response(503, headers={"Retry-After": "30"})
    with pytest.raises(DestinationError) as raised:
        await erp.probe(["X"])
    assert raised.value.resume_at == datetime(2026, 3, 2, 10, 0, 30, tzinfo=UTC)
