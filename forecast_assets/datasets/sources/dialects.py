"""How a text file writes: separator, quote, encoding, numbers.

Belongs here: what may be declared about a text file, and finding the rest in a sample of it.
Does not belong here: reading the file (``csv_files``), dates (``profiles``).
"""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from pydantic import Field, model_validator

from forecast_assets.datasets.sources.base import Strict
from forecast_assets.errors import BadSetting

# Western Windows, assumed of what is no UTF-8; every byte but five means something there.
ONE_BYTE = "cp1252"
UTF_8 = "utf-8"
_SEPARATORS = ",;\t|"
_NAMES = {"\t": "tab", " ": "space", "\u00a0": "no-break space", "\u202f": "narrow no-break space"}
_BY_NAME = {"tab": "\t", "\\t": "\t", "comma": ",", "point": ".", "semicolon": ";", "space": " ", "none": ""}
_GROUPS = " '\u00a0\u202f\u2019"
_SAMPLE_BYTES = 2000
_SIGN = r"^[+-]?"
_GROUPED = _SIGN + r"[0-9]{1,3}(,[0-9]{3})+$"
# A thousand, or one and a bit?
DOUBTED = re.compile(_SIGN + r"[1-9][0-9]{0,2}\.[0-9]{3}$")


class Dialect(Strict):
    """How a text file is written. What is not said is plain (commas, double quotes, UTF-8, a point)."""

    separator: str | None = Field(default=None, max_length=1, description="Character between columns.")
    quote: str | None = Field(default=None, max_length=1, description="Character around text.")
    encoding: str | None = Field(default=None, description="As utf-8, cp1252 or utf-16.")
    decimal: Literal[".", ","] | None = Field(default=None, description="Character before decimals.")
    thousands: str | None = Field(default=None, max_length=1, description="Character between thousands.")
    each_file: bool = Field(
        default=False, description="Separator, quote and encoding that are not said are found in each file."
    )

    @model_validator(mode="after")
    def _can_be_told_apart(self) -> "Dialect":
        if self.thousands and self.thousands == (self.decimal or "."):
            raise BadSetting(
                f"{self.thousands!r} cannot separate thousands and decimals alike",
                remedy="give --decimal and --thousands different characters",
            )
        if self.encoding is not None:
            try:
                "".encode(self.encoding)
            except LookupError:
                raise BadSetting(
                    f"there is no encoding {self.encoding!r}", remedy="use utf-8, cp1252, latin-1 or utf-16"
                ) from None
        return self

    @property
    def is_fixed(self) -> bool:
        """Whether all parts of a file are written alike, with lines that end as in ASCII."""
        ends = self.encoding is None or "a\n".encode(self.encoding) == b"a\n"
        return ends and not self.each_file


def character(text: str | None) -> str | None:
    """Read a character by its name, as ``tab`` or ``comma``; other text stays as it is."""
    return None if text is None else _BY_NAME.get(text.lower(), text)


def name_of(one: str) -> str:
    """Name a character that nobody would see."""
    return _NAMES.get(one, repr(one))


def without_mark(encoding: str | None) -> str:
    """Return the name of an encoding that leaves out the mark that may begin a file of UTF-8."""
    return "utf-8-sig" if (encoding or "utf-8").lower() in {"utf-8", "utf8"} else str(encoding)


def find_encoding(start: bytes) -> str:
    """Return the encoding of a file that begins with ``start``, cut between two lines."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    # Latin letters in UTF-16 have a zero byte each.
    for encoding, first in (("utf-16-le", 1), ("utf-16-be", 0)):
        zeros, others = (start[one:_SAMPLE_BYTES:2].count(0) for one in (first, 1 - first))
        if zeros > others + len(start[:_SAMPLE_BYTES]) // 4:
            return encoding
    try:
        start.decode("utf-8-sig")
    except UnicodeDecodeError:
        return ONE_BYTE
    return UTF_8


def seems_utf_8(encoding: str | None, start: bytes) -> bool:
    """Whether the ``start`` of a file is UTF-8 beyond ASCII, while ``encoding`` is another one."""
    return not start.isascii() and without_mark(encoding) != "utf-8-sig" and find_encoding(start) == UTF_8


def find_quote(lines: Sequence[str]) -> str:
    """Return the character around text: double quotes unless only single ones enclose cells."""
    text = "\n".join(lines)
    enclosed = re.findall(r"(?:^|[,;\t|])'[^'\n]*'(?=[,;\t|]|$)", text, re.MULTILINE)
    return "'" if enclosed and '"' not in text else '"'


def find_separator(lines: Sequence[str], quote: str) -> str:
    """Return the character that cuts the most lines into equally many columns."""
    best, most = ",", (0.0, 0)
    for one in _SEPARATORS:
        widths = [len(row) for row in csv.reader(lines, delimiter=one, quotechar=quote) if row]
        width, times = Counter(widths).most_common(1)[0] if widths else (1, 0)
        if width > 1 and (times / len(widths), width) > most:
            best, most = one, (times / len(widths), width)
    return best


def grouped(group: str) -> str:
    """Return the pattern of digits in groups of three; before the last, groups of two as in India."""
    return rf"[0-9]{{1,3}}({group}[0-9]{{2,3}})*{group}[0-9]{{3}}"


def find_numbers(cells: Sequence[str]) -> tuple[Literal[".", ","] | None, str | None]:
    """Return decimal and thousands characters that the cells prove; ``None`` for what they leave open.

    ``1.234`` and ``1,234`` prove nothing: the first may be a thousand or a little more than one.
    """
    decimals: Counter[str] = Counter()
    groups: Counter[str] = Counter()
    for cell in cells:
        for point, other in ((".", ","), (",", ".")):
            if _decimal_for_sure(cell, point):
                decimals[point] += 1
            elif re.match(_SIGN + rf"{grouped(re.escape(point))}(\{other}[0-9]+)?$", cell) and (
                other in cell or cell.count(point) > 1
            ):
                groups[point] += 1
                decimals[other] += 1
        if match := re.match(
            _SIGN + rf"[0-9]{{1,3}}([{_GROUPS}])[0-9]{{3}}(\1[0-9]{{3}})*([.,])?[0-9]*$", cell
        ):
            groups[match[1]] += 1
            decimals[match[3] or ""] += 1
    del decimals[""]
    most = decimals.most_common(1)[0][0] if decimals else None
    decimal: Literal[".", ","] | None = "." if most == "." else "," if most == "," else None
    thousands = next((one for one, _ in groups.most_common() if one != decimal), None)
    if thousands is None and decimal == ",":
        thousands = "."
    if thousands is None and decimal == "." and any(re.match(_GROUPED, cell) for cell in cells):
        thousands = ","
    return decimal, thousands


def described(decimal: str | None, thousands: str | None) -> str:
    """Say how numbers are written."""
    marks = [f"decimal {'comma' if decimal == ',' else 'point'}"] if decimal else []
    marks += [f"thousands separated by {name_of(thousands)}"] if thousands else []
    return ", ".join(marks)


def _decimal_for_sure(cell: str, point: str) -> bool:
    match = re.match(_SIGN + rf"([0-9]*)\{point}([0-9]+)$", cell)
    if match is None:
        return False
    whole, rest = match.groups()
    return len(rest) != 3 or len(whole) > 3 or whole in {"", "0"}  # noqa: PLR2004 - thousands have three digits
