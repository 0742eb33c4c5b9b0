"""Everybody in everybody's way, in short; the long form is an attack."""

from tests.chaos.attacks.races import Crush, jostle_all


async def test_whoever_comes_leaves_or_comes_back_nobody_is_stranded_or_deadlocked(database_url: str) -> None:
    figures, wrong = await jostle_all(database_url, Crush(busy=4.0, seed=1, processes=2))
    assert wrong == []
    assert min(figures[deed] for deed in ("appended", "duplicates", "released", "documents")) > 0
