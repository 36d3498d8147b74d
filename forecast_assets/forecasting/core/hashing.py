"""Numbers by name: 64 bits that depend on a seed, a text and further numbers, and on nothing else.

Belongs here: hashing keys, mixing numbers into hashes; unsigned integers only, so that every machine agrees.
Does not belong here: what the numbers are used for.
"""

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

ODD = np.uint64(0x9E3779B97F4A7C15)
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))
_FACTORS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def hashed(keys: Iterable[str], seed: int) -> Hashes:
    """Hash every key (n,) under a seed."""
    texts = (f"{seed}:{key}".encode() for key in keys)
    return np.frombuffer(b"".join(blake2b(text, digest_size=8).digest() for text in texts), "<u8")


def mixed(values: Hashes) -> Hashes:
    """Scatter 64-bit numbers (the finaliser of splitmix64): neighbours become unrelated."""
    for shift, factor in zip(_SHIFTS, _FACTORS, strict=False):
        values = (values ^ (values >> shift)) * factor
    return values ^ (values >> _SHIFTS[2])


def by_day(hashes: Hashes, ordinals: NDArray[np.integer]) -> Hashes:
    """One number for every hash (n,) and calendar day (days,), given as its ordinal: (n, days)."""
    return mixed(hashes[:, None] ^ mixed(ordinals.astype(np.uint64) * ODD))
