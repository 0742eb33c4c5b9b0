"""Which requests are recognised as what follows from a webhook, and the figures of a round."""

import httpx
import pytest

from bench.freshness import Times, posts, probes, rereads, sample_of

URL = "http://127.0.0.1:1"


def text_of(request: httpx.Request) -> bytes:
    head = f"{request.method} {request.url.raw_path.decode()} HTTP/1.1\r\n\r\n".encode()
    return head + request.read()


def reread_of(*numbers: int) -> bytes:
    body = {"query": "query", "variables": {"where": {"number": list(numbers)}, "limit": len(numbers)}}
    return text_of(httpx.Request("POST", f"{URL}/centra/graphql", json=body))


def test_reread_is_known_by_its_order() -> None:
    fits = rereads(17)
    assert (fits(reread_of(17)), fits(reread_of(1)), fits(reread_of(170))) == (True, False, False)


@pytest.mark.parametrize(
    ("request_", "known"),
    [
        (httpx.Request("POST", f"{URL}/v1/sop_orders", json={"customer_document_no": "CEN-17"}), True),
        (httpx.Request("POST", f"{URL}/v1/sop_orders", json={"customer_document_no": "CEN-170"}), False),
        (httpx.Request("POST", f"{URL}/v1/sop_order_lines", json={"customer_document_no": "CEN-17"}), False),
        (httpx.Request("GET", f"{URL}/v1/sop_orders?$filter=x eq 'CEN-17'"), False),
    ],
)
def test_sales_order_is_known_by_its_key(request_: httpx.Request, known: bool) -> None:  # noqa: FBT001 - a column
    assert posts(17)(text_of(request_)) is known


def test_look_for_our_key_is_known_by_it() -> None:
    fits = probes(17)
    asked = httpx.Request("GET", f"{URL}/v1/sop_orders?$filter=x eq 'CEN-17'")
    assert fits(text_of(asked))
    assert not fits(
        text_of(httpx.Request("POST", f"{URL}/v1/sop_orders", json={"customer_document_no": "CEN-17"}))
    )


def test_figure_of_a_round_is_the_p99_of_the_sales_order() -> None:
    sample = sample_of([Times(1.0, float(number), 50.0, 100.0 + number) for number in range(1, 101)])
    assert (sample.value, sample.p50, sample.p99) == (199.0, 150.0, 199.0)
    assert sample.facts["to_the_reread_p99"] == 99.0
