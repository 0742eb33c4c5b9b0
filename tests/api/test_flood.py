from app.api.flood import Flood


def test_a_burst_is_let_through_then_the_rate():
    flood = Flood(burst=2, rate=0.5)
    assert [flood.wait("a", 0), flood.wait("a", 0), flood.wait("a", 0)] == [0, 0, 2]
    assert [flood.wait("a", 2), flood.wait("a", 2)] == [0, 2]


def test_a_rest_saves_up_no_more_than_the_burst():
    flood = Flood(burst=2, rate=1)
    assert [flood.wait("a", 1000), flood.wait("a", 1000), flood.wait("a", 1000)] == [0, 0, 1]


def test_one_address_does_not_spend_for_another():
    flood = Flood(burst=1, rate=1)
    assert [flood.wait("a", 0), flood.wait("a", 0), flood.wait("b", 0)] == [0, 1, 0]


def test_the_memory_is_bounded_and_forgets_the_oldest():
    flood = Flood(burst=1, rate=1, addresses=3)
    for number in range(100):
        flood.wait(str(number), 0)
    assert len(flood) == 3
    assert flood.wait("99", 0) == 1
