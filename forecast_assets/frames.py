"""Frames of other libraries as sales: pandas, polars, PyArrow and whatever else narwhals reads.

Belongs here: turning a frame into one of polars, and Nixtla's long format into stores and products.
Does not belong here: what is wrong with sales (``datasets``).
"""

from typing import Any

import narwhals as nw
import polars as pl
import pyarrow as pa
from narwhals.dependencies import is_pandas_dataframe

from forecast_assets.errors import BadSales

_ID, _DAY, _TARGET = "unique_id", "ds", "y"
# What the columns of Nixtla's format are called afterwards, by role.
NIXTLA = {"store": "store_id", "product": "product_id", "date": _DAY, "units": _TARGET}
ONE_STORE = "all"
_BETWEEN = "/"


def is_nixtla(frame: Any) -> bool:  # noqa: ANN401 - any frame, or a path
    """Return whether a frame is in Nixtla's long format."""
    # PyArrow calls the columns themselves so.
    names = getattr(frame, "column_names", getattr(frame, "columns", ()))
    return {_ID, _DAY, _TARGET} <= {str(name) for name in names}


def to_sales(frame: Any) -> pl.DataFrame:  # noqa: ANN401 - any frame
    """Return a frame of polars with a column for store and product.

    Raises ``BadSales`` for what is no frame, and for ids of which only some name a store.
    """
    try:
        sales = nw.from_native(_with_days(frame), eager_only=True).to_polars()
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise BadSales(
            f"a column of the frame mixes types: {str(error).splitlines()[0]}",
            remedy="give every column one type, as frame[name].astype(str) for ids, which keeps their zeros",
        ) from error
    except TypeError as error:
        raise BadSales(
            f"{type(frame).__name__} is no frame of sales",
            remedy="give a frame of pandas, polars or PyArrow, or the path of a file",
        ) from error
    return _split(sales) if is_nixtla(sales) else sales


def _with_days(frame: Any) -> Any:  # noqa: ANN401 - any frame
    """Turn the periods of pandas into their first days, which every library has."""
    if not is_pandas_dataframe(frame):
        return frame
    names = [name for name, kind in frame.dtypes.items() if str(kind).startswith("period[")]
    return frame.assign(**{str(name): frame[name].dt.to_timestamp() for name in names}) if names else frame


def _split(sales: pl.DataFrame) -> pl.DataFrame:
    """Turn ``unique_id`` into a store and a product."""
    if clash := sorted({"store_id", "product_id"} & set(sales.columns)):
        raise BadSales(
            f"the frame has unique_id and {' and '.join(clash)}",
            remedy="leave one of them out, or rename unique_id, ds and y",
        )
    ids = sales[_ID].cast(pl.String)
    parts = ids.str.count_matches(_BETWEEN, literal=True)
    stores, products = pl.repeat(ONE_STORE, len(ids), eager=True), ids
    if (parts == 1).all():
        halves = ids.str.split_exact(_BETWEEN, 1)
        stores, products = halves.struct.field("field_0"), halves.struct.field("field_1")
    elif (parts == 1).any():
        odd = ids.filter(parts != 1)[0]
        raise BadSales(
            f"unique_id {odd!r} is no store{_BETWEEN}product, others are",
            remedy=f"write all ids as STORE{_BETWEEN}PRODUCT, or none",
        )
    return sales.drop(_ID).with_columns(stores.alias("store_id"), products.alias("product_id"))
