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

from forecast_assets.errors import UnknownName
from forecast_assets.forecasting.core.candidates.catalogue import slug
from forecast_assets.forecasting.core.frequency import DAY, FREQUENCIES
from forecast_assets.forecasting.core.global_model import GlobalModel
from forecast_assets.forecasting.core.intervals import LEVELS, Spread, limits
from forecast_assets.forecasting.core.outlook import outlook
from forecast_assets.forecasting.core.panel import Panel

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float32]
_HEADER, _SERIES = "bundle.json", "series.parquet"
_KNOWN, _STATIC, _RADIUS = "known.", "static.", "radius_"
# One series is read without reading the others.
_ROWS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """The candidates ``labels`` (n,) of the series of a panel, with all that they forecast from.

    ``models`` holds the global model of every label that needs one, ``spread`` what intervals are made of;
    ``horizon`` is what is forecast unless something else is asked for, ``gap`` the days before its first.
    """

    panel: Panel
    labels: Sequence[str]
    models: Mapping[str, GlobalModel]
    spread: Spread
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
            **{f"{_RADIUS}{level}": pa.array(self.spread.radius[level]) for level in LEVELS},
            "scale": _lists(self.spread.scale),
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
        for label, model in self.models.items():
            (folder / f"{slug(label)}.json").write_text(model.to_json(), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path, series: Sequence[str] | None = None) -> "Bundle":
        """Read a bundle, all or some of its series. Raises ``UnknownName`` for one that is not in it."""
        header = json.loads((folder / _HEADER).read_text(encoding="utf-8"))
        wanted = None if series is None else [("series", "in", sorted(set(series)))]
        table = pq.read_table(folder / _SERIES, filters=wanted)
        found = table["series"].to_pylist()
        if missing := sorted(set(series or ()) - set(found)):
            raise UnknownName(
                f"the model does not know {', '.join(missing)}",
                remedy="ask for series that it was registered for, or load the model of that series",
            )
        named = table.column_names
        panel = Panel(
            series=np.array(found, dtype=np.str_),
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
        radius = {level: table[f"{_RADIUS}{level}"].to_numpy() for level in LEVELS}
        return cls(
            panel=panel,
            labels=table["label"].to_pylist(),
            models={
                label: GlobalModel.from_json((folder / f"{slug(label)}.json").read_text(encoding="utf-8"))
                for label in header["models"]
            },
            spread=Spread(radius, _matrix(table["scale"])),
            horizon=header["horizon"],
            window=header["window"],
            gap=header.get("gap", 0),
        )

    def forecast(self, horizon: int | None = None) -> dict[str, Floats]:
        """Units and limits (n, horizon) by name, as the asset ``forecast`` stores them."""
        ahead = self.gap + (horizon or self.horizon)
        made = outlook(self.panel, self.labels, self.models, ahead, window=self.window, threads=1)
        units = made.units[:, self.gap :]
        sides = ("lower", "upper")
        return {"units": units} | {
            f"{side}_{level}": pair[place]
            for level, pair in limits(self.spread, units).items()
            for place, side in enumerate(sides)
        }


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

        Answers one row per series and day: series, date, units, lower_80, upper_80, lower_95, upper_95.
        """
        import pandas as pd  # noqa: PLC0415 - half a second

        bundle = Bundle.read(self._folder, frame["series"].astype(str).tolist())
        made = bundle.forecast((params or {}).get("horizon"))
        count, days = made["units"].shape
        begin = bundle.panel.days + bundle.gap
        dates = bundle.panel.dates(begin, begin + days)
        return pd.DataFrame(
            {
                "series": np.repeat(bundle.panel.series, days),
                "date": np.tile(dates, count).astype("datetime64[us]"),
                **{name: values.ravel().astype(np.float64) for name, values in made.items()},
            }
        )


def _load_pyfunc(folder: str) -> Served:
    """MLflow's entry point."""
    return Served(Path(folder))
