"""Codes that look like an unknown one: shown, the nearest first."""

from app.domain.near import MOST, near

CODES = ("TEE-BLK-S", "TEE-BLK-M", "TEE-WHT-S", "DRESS-12", "MUG")


def test_the_nearest_comes_first_whatever_case_and_spaces():
    assert near(" tee-blk-5 ", CODES)[0] in {"TEE-BLK-S", "TEE-BLK-M"}
    assert near("tee-blk-s", CODES)[0] == "TEE-BLK-S"


def test_what_looks_like_nothing_has_no_neighbours():
    assert near("8710400000012", CODES) == ()
    assert near("", CODES) == ()


def test_only_the_nearest_few_are_shown():
    assert len(near("TEE-1", [f"TEE-{number}" for number in range(9)])) == MOST
