"""Store and product ids as small numbers.

Belongs here: numbering ids, judging each once, giving foreign ids a form that fits into a key.
Does not belong here: what a whole key may be (``keys``), telling where an id stands (``findings``).
"""

import hashlib
import re
import unicodedata
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecast_assets.keys import ID_PATTERN

Codes = NDArray[np.int32]

MISSING = 0
_ID = re.compile(ID_PATTERN)
_FLOAT = re.compile(r"-?[0-9]+\.0+")
_ROUNDED = re.compile(r"[0-9](\.[0-9]+)?[eE]\+[0-9]+")
_SUFFIX_BYTES = 5
# Nobody sees it, and it begins files: files that were joined have it between their rows.
_MARK = "\ufeff"


class Ids:
    """The ids of one role; code ``MISSING`` is the row without one.

    ``texts`` are the ids as they came, ``finals`` as they are part of a key, both by code. A key depends on
    its own id alone. ``kept`` leaves long ids as they are, as datasets of early releases have them.
    ``foreign`` (codes) and ``twins`` (pairs of codes) await their report; who reports them empties them.
    """

    def __init__(self, *, room: int, kept: bool, apart: bool = False) -> None:
        self.texts = [""]
        self.finals = [""]
        self.foreign: list[int] = []
        self.twins: list[tuple[int, int]] = []
        self._codes = {"": MISSING}
        self._seen: dict[str, str] = {}
        self._unseen: list[str] = []
        self._room, self._kept, self._apart = room, kept, apart

    @property
    def mapped(self) -> int:
        """How many ids were given a safe form."""
        return sum(final != text for final, text in zip(self.finals, self.texts, strict=True))

    @property
    def differ(self) -> NDArray[np.bool_]:
        """By code, whether an id has another form in keys."""
        pairs = zip(self.finals, self.texts, strict=True)
        return np.array([final != text for final, text in pairs], np.bool_)

    def resume(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Begin with the ids of an earlier reading, as texts and finals by code, which were judged then."""
        self.texts, self.finals = [text for text, _ in pairs], [final for _, final in pairs]
        self._codes = {text: code for code, text in enumerate(self.texts)}
        self._unseen = self.texts[1:]

    def encode(self, column: pa.ChunkedArray) -> Codes:
        """Number every row's id."""
        parts = [np.empty(0, np.int32)]
        for chunk in column.chunks:
            encoded = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
            texts = encoded.dictionary.cast(pa.string()).to_pylist()
            table = np.array([*(self._code(text or "") for text in texts), MISSING], np.int32)
            places = encoded.indices
            if places.null_count:
                places = places.fill_null(len(texts))
            # Arrow's own way to NumPy imports pandas first.
            parts.append(table[np.from_dlpack(places)])
        return np.concatenate(parts)

    def floats(self) -> list[int]:
        """Return codes of ids that were floats: rounded ones, all are 7.0, or some 7.0 is 7 elsewhere."""
        texts = self.texts[1:]
        rounded = [text for text in texts if _ROUNDED.fullmatch(text)]
        pointed = [text for text in texts if _FLOAT.fullmatch(text)]
        whole = set(texts)
        if len(pointed) < len(texts):
            pointed = [text for text in pointed if text.partition(".")[0] in whole]
        return [self._codes[text] for text in rounded + pointed]

    def ranks(self) -> NDArray[np.int64]:
        """The place of every code in the order of the final ids."""
        ranks = np.empty(len(self.finals), np.int64)
        ranks[sorted(range(len(self.finals)), key=self.finals.__getitem__)] = np.arange(len(self.finals))
        return ranks

    def _code(self, text: str) -> int:
        if text not in self._codes:
            self._codes[text] = len(self.texts)
            self.texts.append(text)
            self.finals.append(self._judged(text))
        return self._codes[text]

    def _judged(self, text: str) -> str:
        if "\0" in text or _MARK in text or not text.strip():
            self.foreign.append(self._codes[text])
            return text
        # Ids of an earlier reading only matter as twins of new ones, and most nights bring none.
        while self._unseen:
            self._twin_of(self._unseen.pop())
        return self._twin_of(text)

    def _twin_of(self, text: str) -> str:
        """Return the final form of an id and note the id that differs from it by its looks only."""
        fits = _ID.fullmatch(text) is not None and (self._kept or len(text) <= self._room)
        final = text if fits else _safe(text, self._room)
        plain = (text if text.isascii() else unicodedata.normalize("NFKC", text)).casefold().strip()
        for form in {"\0" + final} if self._apart else {plain, final.casefold()}:
            twin = self._seen.setdefault(form, text)
            if twin != text:
                self.twins.append((self._codes[twin], self._codes[text]))
                break
        return final


def _safe(text: str, room: int) -> str:
    """Give a foreign id a form that fits into a key: readable, unique and always the same."""
    suffix = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_SUFFIX_BYTES).hexdigest()
    words = re.sub(r"[^A-Za-z0-9]*[^A-Za-z0-9._-][^A-Za-z0-9]*|[._-]{2,}", "-", text)
    readable = words[: max(0, room - len(suffix) - 1)].strip("._-")
    return f"{readable}-{suffix}" if readable else suffix
