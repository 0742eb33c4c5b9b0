"""The command around the attacks: what it may call clean."""

from pathlib import Path

from tests.chaos import __main__ as chaos
from tests.chaos.attack import Arena, Attack, Report
from tests.chaos.attacks import ATTACKS


def test_attacks_have_names_of_their_own() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


def test_full_size_is_reached_at_an_hour() -> None:
    assert [chaos.share_of(minutes) for minutes in (6, 60, 90)] == [0.1, 1.0, 1.0]


async def test_attack_that_breaks_off_is_not_clean(tmp_path: Path) -> None:
    async def fail(_: Arena) -> Report:
        raise OSError("no room")

    report = await chaos.launch(Attack("broken", fail, 1), tmp_path, 1, 0.1)
    assert chaos.verdict(report) == "1 FAULTS"


async def test_attack_is_given_its_share_of_time(tmp_path: Path) -> None:
    given: list[Arena] = []

    async def look(arena: Arena) -> Report:
        given.append(arena)
        return Report("look", arena.share)

    assert chaos.verdict(await chaos.launch(Attack("look", look, 2), tmp_path, 1, 0.5)) == "clean"
    assert (given[0].seconds, given[0].scaled(500), given[0].root.parent) == (60, 250, tmp_path)


def test_skipped_attack_says_why() -> None:
    assert chaos.verdict(Report("hosts", 0, skipped="no ip")) == "skipped: no ip"
