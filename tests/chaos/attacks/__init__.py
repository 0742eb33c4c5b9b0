"""All attacks, in the order in which they are run."""

from tests.chaos.attack import Attack

ATTACKS: tuple[Attack, ...] = ()
