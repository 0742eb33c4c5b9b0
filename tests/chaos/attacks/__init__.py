"""All attacks, in the order in which they are run."""

from tests.chaos.attack import Attack
from tests.chaos.attacks import (
    clocks,
    crashes,
    deliveries,
    hosts,
    kills,
    model,
    races,
    restore,
    stops,
    whole_path,
    wipes,
)

ATTACKS: tuple[Attack, ...] = (
    kills.ATTACK,
    stops.ATTACK,
    wipes.FLUSHES,
    wipes.AWAY,
    clocks.ATTACK,
    crashes.CRASHES,
    restore.RESTORES,
    races.ATTACK,
    deliveries.ATTACK,
    whole_path.ATTACK,
    hosts.ATTACK,
    model.ATTACK,
)
