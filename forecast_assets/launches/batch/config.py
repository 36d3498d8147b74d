"""What a person fills in to launch a batch.

Belongs here: the fields of the Launchpad and of ``forecast-assets submit batch``, each with its meaning.
Does not belong here: whether they make sense together (``request``).
"""

from enum import Enum

from pydantic import BaseModel, Field

from forecast_assets.launches.candidate_sets import MatrixName
from forecast_assets.launches.scopes import Scope
from forecast_assets.launches.window import WindowedConfig

# The Launchpad offers the members of an enumeration by name.
Operation = Enum(
    "Operation",
    {
        "backtest": "backtest",
        "train": "train",
        "predict": "predict",
        "train_backtest_register": "train_backtest_register",
    },
)
ScopeKind = Enum(
    "ScopeKind",
    {
        "manual": "manual",
        "region": "region",
        "category": "category",
        "top_revenue": "top_revenue",
        "all": "all",
        "demo": "demo",
    },
)


# A scope that nobody chose is every series of the dataset.
WHOLE = {"scope": ScopeKind.all}


class ScopeConfig(BaseModel):
    """Which series of which dataset."""

    dataset: str = Field(description="Name of the dataset.")
    scope: ScopeKind = Field(
        description="manual: every pair of stores and products, or series; region: all stores of it x all "
        "products; category: all stores x its products; top_revenue: the top_n pairs; all; demo: five pairs."
    )
    stores: list[str] = Field(default=[], description="Scope manual: store ids, paired with every product.")
    products: list[str] = Field(default=[], description="Scope manual: product ids, paired with every store.")
    series: list[str] = Field(
        default=[], description="Scope manual: series keys, beside or instead of pairs."
    )
    region: str | None = Field(default=None, description="Scope region: its name in the column region.")
    category: str | None = Field(default=None, description="Scope category: its name in the column category.")
    top_n: int | None = Field(default=None, ge=1, le=1000, description="Scope top_revenue: how many pairs.")

    def chosen(self) -> Scope:
        """The choice, checked: raises ``BadSetting`` when a selector is missing."""
        return Scope(
            kind=self.scope.value,
            stores=tuple(self.stores),
            products=tuple(self.products),
            series=tuple(self.series),
            region=self.region,
            category=self.category,
            top_n=self.top_n,
        )


class BatchConfig(ScopeConfig, WindowedConfig):
    """What to do, for which series, with which candidates, how urgently."""

    operation: Operation = Field(
        default=Operation.backtest,
        description="backtest: score every candidate of every series; train: keep models learned from all "
        "days up to the anchor; predict: forecast from the newest day on; train_backtest_register: both, "
        "each kept as a model version in MLflow, without an alias.",
    )
    matrix: MatrixName | None = Field(
        default=None,
        description="Candidates by name instead of a list; champion_challenger_refresh: of each series its "
        "champion and the best of the others.",
    )
    max_parallel: int = Field(
        default=4,
        ge=1,
        le=64,
        description="Groups of items worked on at once, at most what the deployment allows.",
    )
    default_child_priority: int = Field(
        default=0, ge=-1, le=2, description="Band of every item: -1 low, 0 normal, 1 high, 2 urgent."
    )
