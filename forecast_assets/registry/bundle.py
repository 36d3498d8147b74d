"""A bundle: everything that some series' forecasts are made from, as files that need no stores.

Belongs here: writing and reading these files, forecasting from them, serving them by ``mlflow.pyfunc``.
Does not belong here: which series are registered, and when (``registration``).

This module and the engine travel inside every bundle, so it may import nothing else of the package.
"""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from forecast_assets.errors import BadSetting, UnknownName
from forecast_assets.forecasting.core.arrays import Floats
from forecast_assets.forecasting.core.candidates.catalogue import slug
from forecast_assets.forecasting.core.frequency import DAY, FREQUENCIES
from forecast_assets.forecasting.core.global_model import GlobalModel
from forecast_assets.forecasting.core.openings import closed_ahead
from forecast_assets.forecasting.core.outlook import outlook
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.forecasting.core.pool import Pool
from forecast_assets.forecasting.core.prediction import OwnErrors, predicted, quantile_name

if TYPE_CHECKING:
    import pandas as pd

_HEADER, _SERIES, _POOL = "bundle.json", "series.parquet", "pool.json"
_KNOWN, _STATIC, _ERRORS = "known.", "static.", "errors"
# One series is read without reading the others.
_ROWS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """The candidates ``labels`` (n,) of the series of a panel, with all that they forecast from.

    ``models`` holds the global model of every label that needs one; ``pool`` and ``own`` (n,) are what
    distributions are made of; ``horizon`` is what is forecast unless something else is asked for, ``gap`` the
    days before its first.
    """

    panel: Panel
    labels: Sequence[str]
    models: Mapping[str, GlobalModel]
    pool: Pool | None
    own: Sequence[OwnErrors]
    horizon: int
    window: int | None
    gap: int = 0

    def write(self, folder: Path) -> None:
        """Write the files of the bundle into an empty folder."""
        panel = self.panel
        columns: dict[str, pa.Array] = {
            "series": pa.array(panel.series.tolist(), pa.string()),
            "label": pa.array(list(self.labels), pa.string()),
            "units": _lists(panel.units),
            **{f"{_KNOWN}{name}": _lists(values) for name, values in panel.known.items()},
            **{f"{_STATIC}{name}": pa.array(text.tolist()) for name, text in panel.static.items()},
            _ERRORS: pa.array([one.to_json() for one in self.own], pa.string()),
        }
        table = pa.table(columns)
        pq.write_table(table, folder / _SERIES, compression="zstd", row_group_size=_ROWS)
        header = {
            "start": panel.start.isoformat(),
            "horizon": self.horizon,
            "window": self.window,
            "gap": self.gap,
            "roles": dict(panel.roles),
            "reach": dict(panel.reach),
            "frequency": panel.frequency.name,
        }
        (folder / _HEADER).write_text(json.dumps({**header, "models": list(self.models)}), encoding="utf-8")
        if self.pool is not None:
            pool = self.pool.only(list(dict.fromkeys(self.labels)))
            (folder / _POOL).write_text(pool.text, encoding="utf-8")
        for label, model in self.models.items():
            (folder / f"{slug(label)}.json").write_text(model.to_json(), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path, series: Sequence[str] | None = None) -> "Bundle":
        """Read a bundle, all or some of its series. Raises ``UnknownName`` for one that is not in it."""
        header = json.loads((folder / _HEADER).read_text(encoding="utf-8"))
        filters = None if series is None else [("series", "in", sorted(set(series)))]
        table = pq.read_table(folder / _SERIES, filters=filters)
        keys = table["series"].to_pylist()
        if missing := sorted(set(series or ()) - set(keys)):
            raise UnknownName(
                f"the model does not know {', '.join(missing)}",
                remedy="ask for series that it was registered for, or load the model of that series",
            )
        named = table.column_names
        panel = Panel(
            series=np.array(keys, dtype=np.str_),
            start=dt.date.fromisoformat(header["start"]),
            units=_matrix(table["units"]).astype(np.float32, copy=False),
            known={
                name.removeprefix(_KNOWN): _matrix(table[name]).astype(np.float32, copy=False)
                for name in named
                if name.startswith(_KNOWN)
            },
            static={
                name.removeprefix(_STATIC): np.array(table[name].to_pylist(), dtype=np.str_)
                for name in named
                if name.startswith(_STATIC)
            },
            roles=header.get("roles", {}),
            reach=header.get("reach", {}),
            frequency=FREQUENCIES[header.get("frequency", DAY.name)],
        )
        pool = folder / _POOL
        return cls(
            panel=panel,
            labels=table["label"].to_pylist(),
            models={
                label: GlobalModel.from_json((folder / f"{slug(label)}.json").read_text(encoding="utf-8"))
                for label in header["models"]
            },
            pool=Pool.from_json(pool.read_text(encoding="utf-8")) if pool.exists() else None,
            own=_own(table),
            horizon=header["horizon"],
            window=header["window"],
            gap=header.get("gap", 0),
        )

    def curve(self, horizon: int | None = None) -> Floats:
        """Return what the candidates say (n, horizon), before the errors of the folds are read."""
        weights = self.pool.blends if self.pool else {}
        prediction = outlook(
            self.panel,
            self.labels,
            {**self.models, **weights},
            self.gap + (horizon or self.horizon),
            window=self.window,
            threads=1,
        )
        return prediction.units[:, self.gap :]

    def forecast(
        self, horizon: int | None = None, quantiles: Sequence[float] | None = None
    ) -> dict[str, Floats]:
        """Return (n, horizon) by column, as the asset ``forecast`` stores them.

        With ``quantiles`` only expected units, median and these quantiles are returned.
        """
        curve = self.curve(horizon)
        closed = closed_ahead(self.panel, self.gap + curve.shape[1])[:, self.gap :]
        if quantiles is None:
            return predicted(self.pool, self.labels, curve, self.own, closed=closed).arrays()
        levels = np.array(sorted(set(quantiles)), np.float64)
        distribution = predicted(self.pool, self.labels, curve, self.own, levels, closed=closed)
        named = {quantile_name(float(one)): distribution.quantiles[..., at] for at, one in enumerate(levels)}
        return {"units": distribution.expected, "median": distribution.median, **named}


def _own(table: pa.Table) -> list[OwnErrors]:
    """Return what each series says of itself; bundles of release 0.1 say nothing that is still read."""
    if _ERRORS not in table.column_names:
        return [OwnErrors()] * len(table)
    return [OwnErrors.from_json(text) for text in table[_ERRORS].to_pylist()]


def _lists(values: NDArray[Any]) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])


def _matrix(column: pa.ChunkedArray) -> NDArray[Any]:
    flat: NDArray[Any] = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(len(column), -1)


class Served:
    """What ``mlflow.pyfunc.load_model`` answers: forecasts of any series of the bundle."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def predict(self, frame: "pd.DataFrame", params: Mapping[str, Any] | None = None) -> "pd.DataFrame":
        """Forecast the series in column ``series`` (repeats count once), ``params["horizon"]`` days ahead.

        Return one row per series and day: series, date, units (expected), median, the limits of the 80 and
        95 % intervals and quantiles from 0.025 to 0.98 (``q025`` to ``q98``); with ``params["quantiles"]``
        only the quantiles that it names. Raises ``BadSetting`` for one that is not between 0 and 1.
        """
        import pandas as pd  # noqa: PLC0415 - half a second

        bundle = Bundle.read(self._folder, frame["series"].astype(str).tolist())
        chosen = (params or {}).get("quantiles")
        quantiles = [float(one) for one in chosen] if chosen is not None and len(chosen) else None
        for one in quantiles or []:
            if not 0 < one < 1:
                raise BadSetting(f"quantile {one:g} is not known", remedy="name quantiles between 0 and 1")
        forecast = bundle.forecast((params or {}).get("horizon"), quantiles)
        count, days = forecast["units"].shape
        begin = bundle.panel.days + bundle.gap
        dates = bundle.panel.dates(begin, begin + days)
        return pd.DataFrame(
            {
                "series": np.repeat(bundle.panel.series, days),
                "date": np.tile(dates, count).astype("datetime64[us]"),
                **{name: values.ravel().astype(np.float64) for name, values in forecast.items()},
            }
        )


def _load_pyfunc(folder: str) -> Served:
    """MLflow's entry point."""
    return Served(Path(folder))
