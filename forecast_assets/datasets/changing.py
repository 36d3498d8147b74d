"""Changing where a dataset's sales come from and how they are read, without losing results that stay valid.

Belongs here: what a change would do, and doing it.
Does not belong here: the options that are typed (``cli.change``), reading sales (``freezing``).
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from tempfile import TemporaryDirectory
from uuid import uuid4

from forecast_assets.datasets import building, definition, holidays, panels, plan_reach
from forecast_assets.datasets.definition import Dataset, DatasetOptions, Snapshot, load
from forecast_assets.datasets.freezing import forget_files, freeze, snapshot_row
from forecast_assets.datasets.panel_files import write_panels
from forecast_assets.datasets.sources import Source
from forecast_assets.errors import BadSetting
from forecast_assets.stores import Stores, paths
from forecast_assets.stores.lake import Lake


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change would do: ``sentences`` say what differs, ``stale`` series lose their results.

    ``new`` series join and ``gone`` ones are no longer delivered; ``series`` there are afterwards.
    """

    sentences: tuple[str, ...]
    series: int
    stale: int
    new: int
    gone: int

    @property
    def sentence(self) -> str:
        """The consequence in words."""
        if not self.stale and not self.new and not self.gone:
            return f"all results of {self.series:,} series stay valid"
        parts = [f"{self.stale:,} of {self.series:,} series must be evaluated again"]
        parts += [f"{self.new:,} series are new"] if self.new else []
        parts += [f"{self.gone:,} series are no longer delivered"] if self.gone else []
        return ", ".join(parts)


def preview(stores: Stores, name: str, source: Source, options: DatasetOptions, today: dt.date) -> Preview:
    """Read the changed source into a folder that is deleted at once, and compare it with what is stored.

    Raises ``BadSales`` or ``BadSetting`` for what the change would make of the dataset.
    """
    before = load(stores, name)
    sentences = tuple(differences(before, source, options))
    if not sentences:
        raise BadSetting(f"nothing of dataset {name!r} would change", remedy="name what is to be different")
    plan_reach.check_declared(options.plan_days, source.columns.known)
    with TemporaryDirectory(prefix="forecast-change-") as folder:
        lake = Lake(folder)
        sales = paths.SALES.path(name, "change")
        frozen = freeze(lake, source, name, options.as_settled(), folder=sales, today=today)
        holidays.check(lake, sales, source, options)
        row = snapshot_row(name, frozen, mark=None, run_id="change")
        changed = Dataset(name, source, options, Snapshot(**row))
        write_panels(replace(stores, open_lake=lambda: lake), changed, Snapshot(**row), "panel")
        after = panels.read(lake, "panel")
    hashes = dict(zip(after.series.tolist(), after.content_hashes(), strict=True))
    stored = {}
    if before.snapshot is not None and before.snapshot.panel_path is not None:
        panel = panels.read(stores.lake, before.snapshot.panel_path)
        stored = dict(zip(panel.series.tolist(), panel.content_hashes(), strict=True))
    again = options.evaluation != before.options.evaluation or options.anchor != before.options.anchor
    again = again or options.plan_days != before.options.plan_days
    stale = sum(again or stored[key] != fingerprint for key, fingerprint in hashes.items() if key in stored)
    return Preview(sentences, len(hashes), stale, len(hashes.keys() - stored), len(stored.keys() - hashes))


def is_of_orders(before: Dataset, source: Source, options: DatasetOptions) -> bool:
    """Whether a change is of orders and stock alone, which nothing that is stored depends on."""
    same = options.model_copy(update={"orders": before.options.orders, "inventory": before.options.inventory})
    return source == before.source and same == before.options and options != before.options


def differences(before: Dataset, source: Source, options: DatasetOptions) -> list[str]:
    """What differs, field by field: old and new."""
    pairs = [
        (before.source.model_dump(mode="json"), source.model_dump(mode="json")),
        (_plain(before.options), _plain(options)),
    ]
    return [line for old, new in pairs for line in _lines("", old, new)]


def _plain(options: DatasetOptions) -> dict[str, object]:
    """Options as plain values, a file of stock by its path."""
    path = None if options.inventory is None else options.inventory.path
    return {**options.model_dump(mode="json"), "inventory": path}


def _lines(prefix: str, old: object, new: object) -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        names = [*old, *(name for name in new if name not in old)]
        return [
            line
            for name in names
            for line in _lines(f"{prefix}.{name}" if prefix else str(name), old.get(name), new.get(name))
        ]
    return [] if old == new else [f"{prefix}: {_value_text(old)} becomes {_value_text(new)}"]


def _value_text(value: object) -> str:
    return "nothing" if value in (None, [], {}) else str(value)


def change(
    stores: Stores,
    name: str,
    source: Source,
    options: DatasetOptions,
    today: dt.date,
    *,
    register: Callable[[list[str]], object],
) -> building.Loaded:
    """Read the changed source, let it take the place of the old one, and build its panel.

    Results of series whose sales and columns stay what they were are kept. Raises ``BadSales`` or
    ``BadSetting`` before anything of the dataset is touched.
    """
    run_id = f"changed-{uuid4().hex[:12]}"
    folder = paths.SALES.path(name, run_id)
    mark = source.fingerprint()
    frozen = freeze(stores.lake, source, name, options.as_settled(), folder=folder, today=today)
    try:
        holidays.check(stores.lake, folder, source, options)
    except BaseException:
        forget_files(stores.lake, folder)
        raise
    definition.change(stores, name, source, options)
    loaded = building.settle(stores, load(stores, name), frozen, mark=mark, run_id=run_id)
    building.build_panel(stores, name, run_id=run_id, register=register, force=True)
    return loaded
