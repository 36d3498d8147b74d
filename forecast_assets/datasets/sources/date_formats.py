"""Dates that name a week or a month instead of a day.

Belongs here: completing them to the first day of their period, months in other languages.
Does not belong here: reading columns of dates (``datasets.dates``), finding out their format (``profiles``).
"""

import polars as pl

_WEEK_LABEL = r"^[0-9]{4}-?W[0-9]{2}$"
_MONTH_LABEL = r"^[0-9]{4}-[0-9]{2}$"
_MONTHS = """
jan januar jänner januari janvier janv enero ene gennaio gen janeiro styczeń sty leden ocak
feb februar febr februari février févr fevrier fevr febrero febbraio fevereiro fev luty únor şubat
mar märz maerz mrz maart mrt mars marts marzo março marco marzec březen mart
apr avril avr abril abr aprile kwiecień kwi duben nisan
may mai mei mayo maggio mag maio maj květen may\u0131s
jun juni juin junio giugno giu junho czerwiec cze červen haziran
jul juli juillet juil julio luglio lug julho lipiec lip červenec temmuz
aug août aout august augusti augustus agosto ago sierpień sie srpen ağustos
sep sept septembre septiembre settembre set setembro wrzesień wrz září eylül
oct okt oktober octobre octubre ottobre ott outubro out październik paź říjen ekim
nov novembre noviembre novembro listopad lis kas\u0131m
dec des desember
dec dezember dez décembre déc decembre diciembre dic dicembre dezembro des grudzień gru prosinec aral\u0131k
"""
_ENGLISH = {word: words[0] for words in map(str.split, _MONTHS.strip().splitlines()) for word in words}
_WORD = r"^(?<before>[^\p{L}]*(?:de )?)(?<word>\p{L}{3,})\.?(?<after>.*)$"
_WEEKDAYS = (
    "mon tue wed thu fri sat sun mo di mi do fr sa so lun mar mer jeu ven sam dim jue vie sab dom gio "
    "s\u00e1b seg ter qua qui sex ma wo vr za zo"
)
_WEEKDAY = rf"(?i)^(?:{_WEEKDAYS.replace(' ', '|')})\p{{L}}*[.,]* +"
# Formats whose numbers would be read with any count of digits, and the length of what they name.
_LENGTHS = {
    **dict.fromkeys(("%Y%m%d", "%d%m%Y", "%m%d%Y", "%Y-%j"), 8),
    **dict.fromkeys(("%Y%m", "%G%V", "%y%m%d", "%d%m%y"), 6),
    "%Y%j": 7,
    "%GW%V%u": 8,
    "%G-W%V-%u": 10,
}
_DAY_PARTS = ("%d", "%e", "%j", "%u", "%w", "%a", "%A", "%F", "%D", "%x")


def labelled(text: pl.Series) -> pl.Series:
    """Return the first days of labels of ISO weeks (2024-W07) and months (2024-07); null for other texts."""
    week = text.str.replace("W", "-W").str.replace("--", "-").set(~text.str.contains(_WEEK_LABEL), None)
    month = text.set(~text.str.contains(_MONTH_LABEL), None)
    first = (week + "-1").str.to_date("%G-W%V-%u", strict=False)
    return first.fill_null((month + "-01").str.to_date("%Y-%m-%d", strict=False))


def in_english(text: pl.Series, date_format: str) -> pl.Series:
    """Return dates with English months where ``date_format`` has words, as 5 jan 2024 for 5. Januar 2024.

    German, French, Spanish, Italian, Dutch, Portuguese, Danish, Norwegian, Swedish, Polish, Czech and Turkish
    are read in full, most of them cut, too; other words stay.
    """
    if "%b" not in date_format and "%B" not in date_format:
        return text
    parts = text.str.extract_groups(_WORD).struct.unnest()
    word = parts["word"].str.to_lowercase().replace(_ENGLISH)
    plain = parts["before"] + word + parts["after"]
    # What a declared format spells out itself has to stay.
    if " de " not in date_format:
        plain = plain.str.replace_all(" de ", " ", literal=True)
    if ". " not in date_format:
        plain = plain.str.replace(r"^([0-9]{1,2})\. ", "$1 ")
    return plain.fill_null(text)


def parsed(text: pl.Series, date_format: str) -> pl.Series:
    """Return the first days of what ``text`` names in ``date_format``; null for other texts."""
    whole_format, missing = completed(date_format)
    days = (in_english(text, date_format) + missing).str.to_date(whole_format, strict=False)
    if "%d" in date_format and days.null_count() > text.null_count():
        bare = in_english(text.str.replace(_WEEKDAY, ""), date_format)
        days = days.fill_null(bare.str.to_date(whole_format, strict=False))
    length = _LENGTHS.get(date_format)
    # Years of any length are read, so that 46023 would be a March of 4602.
    return days if length is None else days.set((text.str.len_bytes() != length).fill_null(value=True), None)


def completed(date_format: str) -> tuple[str, str]:
    """Return a format that names one day, and what a date lacks of it: the first day of its week or month."""
    if any(part in date_format for part in _DAY_PARTS):
        return date_format, ""
    if "%V" in date_format:
        return f"{date_format} %u", " 1"
    return f"{date_format} %d", " 01"
