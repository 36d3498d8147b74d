"""The identity of datasets and series.

Belongs here: which ids may become partition keys; (dataset, store, product) as one text and back.
Does not belong here: anything that knows about Dagster, SQL or MLflow.
"""

import re
from dataclasses import dataclass
from typing import Self

from forecast_assets.errors import BadKey

# One key must survive four alphabets at once: Dagster's command line (no comma), its ranges (no "..."),
# its tag values (letters, digits, "_", "-", "." up to 63) and MLflow names (no "/" and no ":").
ID_PATTERN = r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*"
SEPARATOR = "__"
MAX_LENGTH = 63
_ID = re.compile(ID_PATTERN)
# No id holds a separator, so that a key that fits has exactly one reading.
_KEY = re.compile(SEPARATOR.join([ID_PATTERN] * 3))


def check_id(role: str, value: str) -> None:
    """Raise ``BadKey`` unless ``value`` may be one part of a key; ``role`` names it in the message."""
    if not _ID.fullmatch(value):
        raise BadKey(
            f"{role} {value!r} cannot be part of a partition key",
            remedy="use letters and digits joined by single '.', '_' or '-'",
        )


@dataclass(frozen=True, order=True, slots=True)
class SeriesKey:
    """One (store, product) pair of a dataset, written ``DATASET__STORE__PRODUCT``."""

    dataset: str
    store: str
    product: str

    def __post_init__(self) -> None:
        if len(text := str(self)) <= MAX_LENGTH and _KEY.fullmatch(text):
            return
        check_id("dataset name", self.dataset)
        check_id("store id", self.store)
        check_id("product id", self.product)
        raise BadKey(
            f"series key {text!r} has {len(text):,} characters",
            remedy=f"shorten the dataset name or the ids to {MAX_LENGTH} characters in all",
        )

    def __str__(self) -> str:
        return SEPARATOR.join((self.dataset, self.store, self.product))

    @staticmethod
    def store_of(text: str) -> str:
        """Return the store of a key that was parsed before, unchecked."""
        return text.split(SEPARATOR, 2)[1]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a partition key back; the inverse of ``str``. Raises ``BadKey`` for anything else."""
        parts = text.split(SEPARATOR)
        if len(parts) != 3:  # noqa: PLR2004 - dataset, store, product
            raise BadKey(f"{text!r} is not a series key", remedy="write it as DATASET__STORE__PRODUCT")
        return cls(*parts)
