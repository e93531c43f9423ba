"""One seed per stage, derived from the study's: no stage's random numbers depend on another's."""

import hashlib


def seed_for(seed: int, stage: str) -> int:
    """A 31-bit seed for `stage`."""
    digest = hashlib.sha256(f"{seed}/{stage}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
