"""Forecast operations for retail demand as one Dagster asset graph."""

import os
import warnings

# Two OpenMP pools that spin on shared cores slow each other down by more than an order of magnitude.
# libgomp reads this once, when the first model library loads it, so it has to be set before any of them.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# Partitioned asset checks are in beta; every command would say so. The tests pin what we rely on.
warnings.filterwarnings("ignore", message=".*currently in (beta|preview).*")
