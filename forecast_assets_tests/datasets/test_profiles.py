"""A first look into files: how they are written, which column plays which role, what is asked."""

import datetime as dt
import gzip
import lzma
import zipfile
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from forecast_assets.datasets.canonical import CanonicalReader
from forecast_assets.datasets.checking import check_source
from forecast_assets.datasets.definition import DatasetOptions
from forecast_assets.datasets.profiles import SourceProfile, profile
from forecast_assets.datasets.sources import Columns, FileSource
from forecast_assets.datasets.sources.dialects import Dialect
from forecast_assets.errors import BadSales, BadSetting

TODAY = dt.date(2024, 6, 1)
DAYS = [dt.date(2024, 1, 5) + dt.timedelta(days=n) for n in range(20)]
SALES = pl.DataFrame({"store_id": ["S1"] * 20, "product_id": ["007"] * 20, "date": DAYS, "units": range(20)})


def look(path: Path, columns: Mapping[str, object] | None = None, **words: object) -> SourceProfile:
    return profile(FileSource.model_validate({"path": str(path), **words}), columns or {})


def read(source: FileSource) -> pl.DataFrame:
    frames = dict(CanonicalReader(source, dataset="shop", today=TODAY))
    return pl.concat(frame.with_columns(store=pl.lit(key)) for key, frame in frames.items())


def text(tmp_path: Path, content: str, encoding: str = "utf-8") -> Path:
    file = tmp_path / "sales.csv"
    file.write_bytes(content.encode(encoding))
    return file


def german(days: list[dt.date], units: list[str], separator: str = ";") -> str:
    rows = [
        f"K\u00f6ln{separator}\u00c4pfel{separator}{day:%d.%m.%Y}{separator}{unit}"
        for day, unit in zip(days, units, strict=True)
    ]
    return "\r\n".join([separator.join(["Filiale", "Artikel", "Datum", "Menge"]), *rows])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_a_european_export_is_read_as_it_is_written(encoding, separator, tmp_path):
    units = ["1.234,5", "2", *["0,75"] * 18]
    profile = look(text(tmp_path, german(DAYS, units, separator), encoding))
    assert profile.guesses == {"store": "Filiale", "product": "Artikel", "date": "Datum", "units": "Menge"}
    frame = read(profile.source)
    assert frame["units"].to_list() == [1234.5, 2.0, *[0.75] * 18]
    assert frame["date"].to_list() == DAYS
    assert frame["original_store_id"].unique().to_list() == ["K\u00f6ln"]


def test_guesses_are_confirmed_by_the_options_that_the_refusal_names(tmp_path):
    file = text(tmp_path, german(DAYS, ["1"] * 20))
    with pytest.raises(BadSetting) as refused:
        look(file).confirm()
    assert "--store Filiale --product Artikel --date Datum --units Menge" in refused.value.remedy
    named = {"store": "filiale", "product": "ARTIKEL", "date": " datum ", "units": "Menge"}
    profile = look(file, named)
    profile.confirm()
    assert profile.source.columns == Columns(store="Filiale", product="Artikel", date="Datum", units="Menge")


@pytest.mark.parametrize(
    "header",
    ["Store ID,Product-ID,DATE,Units", "STORE_ID,product id,Date,UNITS", "store,product,date,units"],
)
def test_names_of_roles_whatever_their_case_blanks_and_signs_are_no_guess(header, tmp_path):
    profile = look(text(tmp_path, f"{header}\nS1,P1,2024-01-02,3\n"))
    profile.confirm()
    assert read(profile.source)["units"].to_list() == [3.0]


def test_a_column_that_is_not_there_is_refused_with_its_option(tmp_path):
    file = tmp_path / "sales.csv"
    SALES.write_csv(file)
    with pytest.raises(BadSetting, match=r"no column 'prise' for --price"):
        look(file, {"price": "prise"})
    with pytest.raises(BadSetting, match="did you mean --units 'units'"):
        look(file, {"units": "unitz"})


def test_a_column_of_sales_with_another_role_is_refused_by_its_name(tmp_path):
    SALES.write_csv(tmp_path / "sales.csv")
    with pytest.raises(BadSetting, match="column 'units' is given another role"):
        look(tmp_path / "sales.csv", {"known_future": ("units",)})


@pytest.mark.parametrize("header", ["id,product_id,date,units", "store_id,id,date,units"])
def test_a_role_without_a_column_is_refused_with_its_option(header, tmp_path):
    role = "store" if header.startswith("id") else "product"
    file = text(tmp_path, f"{header}\nS1,P1,2024-01-02,3\n")
    with pytest.raises(BadSetting, match=f"--single-{role} ID"):
        look(file)
    profile = look(
        file,
        single_store=None if role == "product" else "all",
        single_product=None if role == "store" else "all",
    )
    assert read(profile.source).height == 1


@pytest.mark.parametrize(
    ("cells", "decimal", "thousands"),
    [
        (["1,5", "2"], ",", "."),
        (["1.5", "1,234"], ".", ","),
        (["1.234.567", "1"], ",", "."),
        (["1'234.50"], ".", "'"),
        (["1 234"], None, " "),
        (["1.234", "2.345"], None, None),
        (["0.125"], ".", None),
        (["12345.678"], ".", None),
    ],
)
def test_numbers_are_read_as_their_cells_prove(cells, decimal, thousands, tmp_path):
    rows = [f'S1;P1;{day};"{cell}"' for day, cell in zip(DAYS, cells, strict=False)]
    profile = look(text(tmp_path, "\n".join(["store_id;product_id;date;units", *rows])))
    assert (profile.source.dialect.decimal, profile.source.dialect.thousands) == (decimal, thousands)


@pytest.mark.parametrize("cells", [["\u20ac 2.49", "\u20ac3.50"], ["2.49 $", "3.50$"]])
def test_the_sign_of_one_currency_is_passed_over(cells, tmp_path):
    rows = [f"S1,P1,2024-01-0{n + 1},3,{cell}" for n, cell in enumerate(cells)]
    file = text(tmp_path, "\n".join(["store_id,product_id,date,units,price", *rows]))
    assert read(look(file, {"price": "price"}).source)["price"].to_list() == pytest.approx([2.49, 3.5])


def test_indian_groups_of_digits_are_read(tmp_path):
    rows = [f'S1,P1,2024-01-0{n + 1},"{cell}"' for n, cell in enumerate(["1,20,500.5", "12,34,567.0", "900"])]
    file = text(tmp_path, "\n".join(["store_id,product_id,date,units", *rows]))
    assert read(look(file).source)["units"].to_list() == [120500.5, 1234567, 900]


def test_a_point_that_may_be_a_thousand_is_refused_until_it_is_declared(tmp_path):
    rows = [f"S1,P1,{day},{cell}" for day, cell in zip(DAYS, ["900", "1.234", "1.101"], strict=False)]
    file = text(tmp_path, "\n".join(["store_id,product_id,date,units", *rows]))
    with pytest.raises(BadSales, match=r"two ways: line 3 \('1.234'\), line 4 \('1.101'\)") as refused:
        read(look(file).source)
    assert "--thousands point" in refused.value.remedy
    thousands = look(file, dialect=Dialect(decimal=",", thousands="."))
    assert read(thousands.source)["units"].to_list() == [900, 1234, 1101]
    assert read(look(file, dialect=Dialect(decimal=".")).source)["units"][1] == pytest.approx(1.234)


def test_what_the_sample_shows_is_proved_on_all_rows(tmp_path):
    rows = [f"S1;P1;{day};{cell}" for day, cell in zip(DAYS, ["1,5"] * 19 + ["1.5"], strict=True)]
    source = look(text(tmp_path, "\n".join(["store_id;product_id;date;units", *rows]))).source
    with pytest.raises(
        BadSales, match=r"thousand separators or decimal commas: line 21|not a number: line 21"
    ):
        read(source)


@pytest.mark.parametrize(
    "written",
    [
        *("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y%m%d", "%Y/%m/%d", "%d.%m.%y", "%d-%b-%Y", "%d-%m-%y"),
        *(
            "%y/%m/%d",
            "%y-%m-%d",
            "%y%m%d",
            "%d%m%Y",
            "%Y-%j",
            "%b %d %Y",
            "%d/%b/%Y",
            "%Y-%b-%d",
            "%d %m %Y",
        ),
    ],
)
def test_the_format_of_dates_is_found(written, tmp_path):
    frame = SALES.with_columns(pl.col("date").dt.strftime(written))
    frame.write_csv(tmp_path / "sales.csv")
    profile = look(tmp_path / "sales.csv")
    assert profile.source.date_format == written
    assert read(profile.source)["date"].to_list() == DAYS


@pytest.mark.parametrize("written", ["%a, %d %b %Y", "%A, %d. %B %Y", "%a %d/%m/%Y", "%a %b %d %Y"])
def test_days_of_the_week_before_dates_are_passed_over(written, tmp_path):
    rows = "".join(f'S1,P1,"{day.strftime(written)}",3\n' for day in DAYS)
    profile = look(text(tmp_path, f"store_id,product_id,date,units\n{rows}"))
    assert read(profile.source)["date"].to_list() == DAYS


def test_a_day_that_may_be_a_month_is_refused_with_both_formats(tmp_path):
    file = text(tmp_path, "store_id,product_id,date,units\nS1,P1,01/02/2024,1\nS1,P1,03/02/2024,1\n")
    with pytest.raises(BadSetting) as refused:
        look(file)
    assert refused.value.remedy == "--date-format %d/%m/%Y or --date-format %m/%d/%Y"


def test_numbered_days_ask_for_the_first(tmp_path):
    numbered = SALES.with_columns(date=pl.format("d_{}", pl.int_range(1, 21)))
    numbered.write_csv(tmp_path / "sales.csv")
    with pytest.raises(BadSetting, match="days are numbered, as 'd_1'"):
        look(tmp_path / "sales.csv")
    profile = look(tmp_path / "sales.csv", first_day=DAYS[0])
    assert read(profile.source)["date"].to_list() == DAYS


@pytest.mark.parametrize("named", ["d_{}", "{}"])
def test_a_column_per_day_becomes_a_row_per_day(named, tmp_path):
    names = [named.format(n + 1) if "_" in named else str(day) for n, day in enumerate(DAYS)]
    wide = pl.DataFrame({"item_id": ["P1", "P2"], "store_id": ["S1", "S2"], "cat_id": ["c", "c"]})
    days = {name: [n, 100 + n] for n, name in enumerate(names)}
    pl.concat([wide, pl.DataFrame(days)], how="horizontal").write_csv(tmp_path / "wide.csv")
    profile = look(
        tmp_path / "wide.csv", {"static": ("cat_id",)}, first_day=DAYS[0] if "_" in named else None
    )
    frame = read(profile.source)
    assert frame.filter(store="S2")["units"].to_list() == [100 + n for n in range(20)]
    assert frame.filter(store="S1")["date"].to_list() == DAYS
    assert set(frame["cat_id"]) == {"c"}


def test_days_in_the_names_of_columns_are_read_as_they_are_written(tmp_path):
    header = ";".join(f"{day:%d.%m.%Y}" for day in DAYS)
    file = text(tmp_path, f"Filiale;Artikel;{header}\nF1;A1;{';'.join('3' * 20)}\n")
    assert read(look(file).source)["date"].to_list() == DAYS


@pytest.mark.parametrize(
    ("written", "second"),
    [("%Y-%m", dt.date(2022, 2, 1)), ("%b %Y", dt.date(2022, 2, 1)), ("%G-W%V", dt.date(2022, 1, 10))],
)
def test_columns_may_be_weeks_and_months(written, second, tmp_path):
    monthly = "%V" not in written
    days = [
        dt.date(2022 + n // 12, n % 12 + 1, 1) if monthly else dt.date(2022, 1, 3) + dt.timedelta(weeks=n)
        for n in range(18)
    ]
    header = ",".join(day.strftime(written) for day in days)
    file = text(tmp_path, f"store,item,{header}\nS1,P1,{','.join('3' * 18)}\n")
    assert read(look(file).source)["date"].to_list()[1] == second


@pytest.mark.parametrize(("sign", "option"), [("^", "--separator '^'"), (" ", "--separator space")])
def test_columns_that_nothing_known_separates_name_the_option(sign, option, tmp_path):
    content = f"store_id,product_id,date,units\n{'S1,P1,2024-01-01,3'}\n".replace(",", sign)
    with pytest.raises(BadSetting) as refused:
        look(text(tmp_path, content))
    assert option in refused.value.remedy
    assert len(read(look(text(tmp_path, content), dialect=Dialect(separator=sign)).source)) == 1


@pytest.mark.parametrize(
    ("written", "days"),
    [
        ("KW%V/%G", ["2024-01-01", "2024-01-08"]),
        ("%V/%G", ["2024-01-01", "2024-01-08"]),
        ("%G-W%V", ["2024-01-01", "2024-01-08"]),
        ("%m/%Y", ["2024-01-01", "2024-02-01"]),
        ("%b %Y", ["2024-01-01", "2024-02-01"]),
        ("%b-%Y", ["2024-01-01", "2024-02-01"]),
        ("%Y-%b", ["2024-01-01", "2024-02-01"]),
        ("%m-%Y", ["2024-01-01", "2024-02-01"]),
        ("%b%Y", ["2024-01-01", "2024-02-01"]),
        ("%b '%y", ["2024-01-01", "2024-02-01"]),
        ("%G-W%V-1", ["2024-01-01", "2024-01-08"]),
    ],
)
def test_labels_of_weeks_and_months_are_found(written, days, tmp_path):
    weekly = "%V" in written
    starts = [dt.date(2024, 1, 1) + dt.timedelta(weeks=n) for n in range(20)]
    starts = starts if weekly else [dt.date(2022 + n // 12, n % 12 + 1, 1) for n in range(29)]
    rows = "".join(f"S1,P1,{start.strftime(written)},3\n" for start in starts)
    profile = look(text(tmp_path, f"store,item,period,qty\n{rows}"))
    assert profile.guesses["date"] == "period"
    read_days = [str(day) for day in read(profile.source)["date"].to_list()]
    assert [day for day in read_days if day >= "2024"][:2] == days


@pytest.mark.parametrize("above", [["sep=;"], ["Absatz 2024;;;", ";;;", "Stand;05.01.2024;;"]])
def test_titles_above_the_header_are_found_and_told(above, tmp_path):
    content = "\n".join([*above, german(DAYS, ["2"] * 19 + ["viele"])])
    profile = look(text(tmp_path, content))
    assert profile.source.header_row == len(above) + 1
    assert any(note.startswith(f"line {len(above) + 1} names the columns") for note in profile.notes)
    with pytest.raises(BadSales, match=f"line {len(above) + 21} .'viele'."):
        read(profile.source)


def test_a_line_below_titles_that_lacks_columns_is_named_by_its_number(tmp_path):
    profile = look(text(tmp_path, "Titel;;;\n" + german(DAYS, ["2"] * 20) + "\nF1;A1\n"))
    with pytest.raises(BadSales, match="line 23 has 2 of 4 columns"):
        read(profile.source)


def test_a_header_that_is_named_by_options_is_not_looked_for_below(tmp_path):
    content = "a,b,c,d\nstore,item,2024-01-05,3\n"
    profile = look(text(tmp_path, content), {"store": "a", "product": "b", "date": "c", "units": "d"})
    assert profile.source.header_row == 1


@pytest.mark.parametrize(
    ("header", "role"),
    [
        ("Quantit\u00e9 vendue", "units"),
        ("Codice articolo", "product"),
        ("Store Number", "store"),
        ("Monat", "date"),
    ],
)
def test_names_of_several_words_are_guessed(header, role, tmp_path):
    names = {"store": "store_id", "product": "product_id", "date": "date", "units": "units", role: header}
    rows = "".join(f"S1,P1,{day},3\n" for day in DAYS)
    assert look(text(tmp_path, ",".join(names.values()) + f"\n{rows}")).guesses == {role: header}


@pytest.mark.parametrize("header", ["store_type", "product_category", "sales_tax", "date_of_birth"])
def test_names_that_say_something_else_are_not_guessed(header, tmp_path):
    role = {"store_type": "store_id", "product_category": "product_id", "sales_tax": "units"}
    names = [header if name == role.get(header, "date") else name for name in SALES.columns]
    with pytest.raises(BadSetting, match="no column is recognized"):
        look(text(tmp_path, ",".join(names) + "\nS1,P1,2024-01-05,3\n"))


def test_a_file_without_names_of_columns_is_told_so(tmp_path):
    with pytest.raises(BadSetting, match="the first line looks like sales"):
        look(text(tmp_path, "S1,P1,2024-01-05,3\nS1,P1,2024-01-06,3\n"))


def write(file: Path, frame: pl.DataFrame) -> None:
    plain = frame.write_csv().encode()
    if file.name.endswith(".csv.gz"):
        file.write_bytes(gzip.compress(plain))
    elif file.name.endswith(".csv.zst"):
        file.write_bytes(pa.compress(plain, codec="zstd", asbytes=True))
    elif file.name.endswith(".csv.xz"):
        file.write_bytes(lzma.compress(plain))
    elif file.suffix == ".zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("exports/a.csv", plain)
            archive.writestr("__MACOSX/._a.csv", b"\0")
    elif file.suffix == ".json":
        frame.with_columns(pl.col("date").cast(pl.String)).write_json(file)
    elif file.suffix == ".jsonl":
        frame.with_columns(pl.col("date").cast(pl.String)).write_ndjson(file)
    elif file.suffix == ".parquet":
        frame.write_parquet(file)
    else:
        file.write_bytes(plain)


@pytest.mark.parametrize(
    "name", ["a.csv", "a.csv.gz", "a.csv.zst", "a.csv.xz", "a.zip", "a.json", "a.jsonl", "a.parquet"]
)
def test_every_kind_of_file_gives_the_same_sales(name, tmp_path):
    write(tmp_path / name, SALES)
    frame = read(look(tmp_path / name).source)
    assert frame["units"].to_list() == list(range(20))
    assert frame["product_id"].unique().to_list() == ["007"]


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.zst", "a.csv.xz", "a.zip"])
def test_an_archive_that_is_cut_off_is_refused(name, tmp_path):
    write(tmp_path / name, SALES)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadSales, match=f"{name} cannot be"):
        read(FileSource(path=str(tmp_path / name)))


def test_a_zip_whose_bytes_changed_or_that_has_a_password_is_refused(tmp_path):
    write(tmp_path / "a.zip", SALES)
    whole = bytearray((tmp_path / "a.zip").read_bytes())
    locked = whole.copy()
    locked[whole.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(locked)
    with pytest.raises(BadSales, match=r"exports/a.csv has a password"):
        read(FileSource(path=str(tmp_path / "a.zip")))
    whole[80] ^= 255
    (tmp_path / "a.zip").write_bytes(whole)
    with pytest.raises(BadSales, match=r"a.zip/exports/a.csv cannot be unpacked"):
        read(FileSource(path=str(tmp_path / "a.zip")))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "is empty"),
        ('{"rows": [{"units": 1}]}', "one object holds all rows"),
        ("[{", "cannot be read"),
        ('{"units": 1}\n{units', "line 2: "),
    ],
)
def test_json_that_holds_no_rows_is_refused(content, message, tmp_path):
    (tmp_path / "sales.json").write_text(content)
    with pytest.raises(BadSales, match=message):
        look(tmp_path / "sales.json")


@pytest.mark.parametrize("key", ["a", "}"])
def test_a_line_of_json_that_would_end_the_process_is_refused(key, tmp_path):
    deep = f'{{"{key}":' * 1000 + "1" + "}" * 1000
    name = "[{" * 50  # brackets in texts nest nothing
    sold = f'{{"store_id":"S1","product_id":"{name}","date":"2024-01-01","units":1}}\n'
    (tmp_path / "sales.jsonl").write_text(sold + deep)
    with pytest.raises(BadSales, match="line 2 nests values more than 64 times"):
        look(tmp_path / "sales.jsonl")
    (tmp_path / "sales.jsonl").write_text(sold)
    assert look(tmp_path / "sales.jsonl")


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.xz", "a.zip"])
def test_an_archive_that_would_not_fit_into_memory_is_refused(name, tmp_path, monkeypatch):
    write(tmp_path / name, pl.concat([SALES.with_columns(note=pl.lit("x" * 1_000))] * 1_000))
    monkeypatch.setenv("FORECAST_SOURCE_MAX_MB", "16")
    with pytest.raises(BadSales, match=r"unpacked, would take"):
        read(FileSource(path=str(tmp_path / name)))


def test_each_text_file_of_a_folder_is_read_as_it_is_written_and_said(tmp_path):
    halves = [german(days, ["2"] * 10, sign) for days, sign in ((DAYS[:10], ";"), (DAYS[10:], ","))]
    (tmp_path / "1.csv").write_bytes(halves[0].encode("cp1252"))
    (tmp_path / "2.csv").write_bytes(halves[1].replace("Filiale", "FILIALE").encode())
    (tmp_path / "3.csv").write_text("Filiale;Artikel;Datum;Menge\nBonn;Salz;05.01.2024;1\n")
    profile = look(tmp_path)
    assert profile.notes[0] == "columns separated by ';'"
    assert profile.notes[1].startswith(
        "encoding cp1252 assumed, which reads 'K\u00f6ln'; if letters are wrong"
    )
    assert profile.notes[2] == "2.csv: commas and UTF-8"
    assert not any(note.startswith("3.csv") for note in profile.notes)
    frames = [frame for _, frame in CanonicalReader(profile.source, dataset="shop", today=TODAY)]
    assert [frame.height for frame in frames] == [1, 20]
    assert frames[1]["original_store_id"].unique().to_list() == ["K\u00f6ln"]


@pytest.mark.parametrize("name", ["Retouren", "units_returned", "Anzahl R\u00fcckgaben", "returns"])
def test_a_column_of_returned_units_is_doubted(name, tmp_path):
    SALES.with_columns(pl.lit(0).alias(name)).write_csv(tmp_path / "sales.csv")
    profile = look(tmp_path / "sales.csv")
    lines = check_source(profile.source, DatasetOptions(), TODAY, profile)
    doubts = [words for what, words in lines if what == "doubt"]
    assert doubts == [f"{name!r} seems to hold returned units: take them off the units unless that was done"]


def test_a_series_of_one_row_a_week_among_days_is_doubted(tmp_path):
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=n) for n in range(80)]
    rows = [
        f"S1,{product},{day},3" for product, step in (("daily", 1), ("weekly", 7)) for day in days[::step]
    ]
    profile = look(text(tmp_path, "\n".join(["store_id,product_id,date,units", *rows])))
    lines = check_source(profile.source, DatasetOptions(), TODAY, profile)
    (doubt,) = (words for what, words in lines if what == "doubt")
    assert doubt.startswith("1 series have one row a week")
    assert doubt.endswith(": S1__weekly")


def test_a_summary_says_what_a_plan_leaves_out_and_whose_holidays_are_known(tmp_path):
    ahead = pl.DataFrame({"date": [DAYS[-1] + dt.timedelta(days=n) for n in (1, 2, 6)], "units": [None] * 3})
    rows = pl.concat(
        [SALES, SALES.head(3).select("store_id", "product_id").hstack(ahead)], how="vertical_relaxed"
    )
    rows.with_columns(price=1.5).write_csv(tmp_path / "sales.csv")
    profile = look(tmp_path / "sales.csv", {"price": "price"})
    options = DatasetOptions(store_holidays={"S1": "DE"})
    lines = dict(check_source(profile.source, options, TODAY, profile))
    assert lines["plan"].endswith(
        "2024-01-25 to 2024-01-30, without units; 3 days between them have no row, in 1 series"
    )
    assert lines["holidays"] == "public holidays of DE (1 store)"
    with pytest.raises(BadSetting, match="plan_days names 'promo'"):
        check_source(profile.source, DatasetOptions(plan_days={"promo": 3}), TODAY, profile)


@pytest.mark.parametrize(("today", "doubts"), [(dt.date(2024, 6, 29), 1), (dt.date(2024, 6, 30), 0)])
def test_a_newest_month_that_is_not_over_is_doubted(today, doubts, tmp_path):
    rows = [f"S1,P1,{year}-{month:02d}-01,7" for year in (2022, 2023, 2024) for month in range(1, 13)]
    file = text(tmp_path, "\n".join(["store_id,product_id,date,units", *rows[:30]]))
    profile = look(file)
    lines = check_source(profile.source, DatasetOptions(), today, profile)
    sentence = "the newest month, from 2024-06-01, lasts until 2024-06-30: if its sales are not complete yet"
    assert sum(what == "doubt" and words.startswith(sentence) for what, words in lines) == doubts


def test_an_encoding_of_one_byte_a_letter_is_declared(tmp_path):
    file = text(tmp_path, german(DAYS, ["2"] * 20).replace("K\u00f6ln", "\u0141\u00f3d\u017a"), "cp1250")
    assert "'\u00a3\u00f3d\u0178'" in look(file).notes[1]
    declared = look(file, dialect=Dialect(encoding="cp1250"))
    assert declared.notes[1] == "encoding cp1250"
    assert read(declared.source)["original_store_id"][0] == "\u0141\u00f3d\u017a"


def test_folders_name_columns_that_the_files_lack(tmp_path):
    for store in ("S1", "S2"):
        folder = tmp_path / f"store_id={store}" / "year=2024"
        folder.mkdir(parents=True)
        SALES.drop("store_id").write_parquet(folder / "part-0.parquet")
    profile = look(tmp_path)
    assert read(profile.source)["store"].unique(maintain_order=True).to_list() == ["S1", "S2"]
    assert profile.files == 2


def test_a_pattern_names_the_files(tmp_path):
    for month, part in enumerate((SALES.head(10), SALES.tail(10))):
        part.write_csv(tmp_path / f"sales_{month}.csv")
    (tmp_path / "stock.csv").write_text("nothing of interest")
    assert read(look(tmp_path / "sales_*.csv").source).height == 20


def test_a_url_names_files_of_any_storage():
    import fsspec

    with fsspec.open("memory://bucket/exports/sales.csv", "wb") as file:
        file.write(SALES.write_csv().encode())
    with fsspec.open("memory://bucket/exports/more.csv.gz", "wb") as file:
        later = SALES.with_columns(pl.col("date") + dt.timedelta(days=20))
        file.write(gzip.compress(later.write_csv().encode()))
    source = profile(FileSource(path="memory://bucket/exports"), {}).source
    assert read(source).height == 40
    assert source.fingerprint() == source.fingerprint()


@pytest.mark.parametrize("url", ["s3://key:canary@bucket/sales", "https://host/sales.csv?token=canary"])
def test_a_url_with_a_secret_is_refused_and_not_repeated(url):
    with pytest.raises(BadSetting, match="may hold a secret") as refused:
        FileSource(path=url)
    assert "canary" not in str(refused.value)
