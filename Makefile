# Everything runs in a local virtual environment; nothing else on the machine is touched.
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
# Open Dagit with `make dev PORT=3001` when 3000 is taken.
PORT ?= 3000
MLFLOW_PORT ?= 5000
export DAGSTER_HOME := $(CURDIR)

# Python's compiled modules are kept beside the libraries. Containers that keep none would compile them anew in
# every process, which is half of its start.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(abspath $(VENV))/compiled

.PHONY: help demo test dev mlflow notebooks lint format unit definitions peers peers-test chaos chaos-points benchmark-test interrupts-test deployment-test wheel-test lock audit clean-state

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 14

$(VENV)/uv:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; say make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@

$(VENV)/base: $(VENV)/uv requirements/base.txt setup.py
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/base.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

$(VENV)/dev: $(VENV)/base requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/notebooks: $(VENV)/base requirements/notebooks.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/notebooks.txt
	@touch $@

demo: $(VENV)/base ## Real bakery sales to champions, on the embedded defaults
	@$(BIN)/forecast-assets demo

dev: $(VENV)/base ## Open Dagit on 127.0.0.1:PORT with the daemon
	@$(BIN)/forecast-assets dev --port $(PORT)

mlflow: $(VENV)/base ## Open MLflow's pages on 127.0.0.1:MLFLOW_PORT
	@$(BIN)/forecast-assets mlflow --port $(MLFLOW_PORT)

notebooks: $(VENV)/notebooks ## Open the notebooks in JupyterLab, on the sales of make demo
	@$(BIN)/jupyter lab notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

test: lint unit ## Lint, types and all tests

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy forecast_assets forecast_assets_tests sql setup.py

format: $(VENV)/dev ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# In the order of the folders: the slowest file, the browser, comes early and is not waited for at the end.
unit: $(VENV)/dev
	$(BIN)/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder

definitions: $(VENV)/dev ## Load all definitions as Dagster does, and list them
	@home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && export DAGSTER_HOME="$$home" \
	&& printf 'telemetry: {enabled: false}\nnux: {enabled: false}\n' > "$$home/dagster.yaml" \
	&& $(BIN)/dg check defs && $(BIN)/dg list defs --json > "$$home/definitions.json"

peers: $(VENV)/uv ## The environment of the libraries that benchmarks and oracles compare with
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .venv-peers
	$(BIN)/uv pip install --quiet --python .venv-peers/bin/python -r benchmarks/peers/requirements.in -r benchmarks/peers/global.in

peers-test: $(VENV)/dev peers ## Compare our candidates with statsforecast's
	$(BIN)/python -m pytest -q -m peers

chaos: $(VENV)/dev ## Let faults strike at any write of any operation, for SEEDS seeds from FIRST on
	$(BIN)/python -W ignore -m forecast_assets_tests.chaos.machine $(or $(FIRST),1) $(or $(SEEDS),200)

chaos-points: $(VENV)/dev ## Kill a process at each write of OPERATION in turn, from the FIRST on
	$(BIN)/python -W ignore -m forecast_assets_tests.chaos.machine points:$(or $(OPERATION),promote) $(or $(FIRST),1)

benchmark-test: $(VENV)/dev ## Run whole benchmarks on a handful of series
	$(BIN)/python -m pytest -q -m benchmarks forecast_assets_tests/benchmarks

interrupts-test: $(VENV)/dev ## Press Ctrl-C at every moment of four commands, with a terminal and without
	$(BIN)/python -m pytest -q -m interrupts forecast_assets_tests/cli/test_interrupts.py

deployment-test: $(VENV)/dev ## Run a deployment as processes: TLS, gRPC, read-only web server, Celery, kills
	$(BIN)/python -m pytest -q -m deployment forecast_assets_tests/deployment

wheel-test: $(VENV)/uv ## Build the wheel and run the demo from it in an empty environment
	rm -rf build/wheel && mkdir -p build/wheel
	$(BIN)/uv build --quiet --wheel --out-dir build/wheel/dist .
	$(BIN)/uv venv --quiet --python $(BIN)/python build/wheel/venv
	$(BIN)/uv pip install --quiet --python build/wheel/venv/bin/python --require-hashes -r requirements/base.txt
	$(BIN)/uv pip install --quiet --python build/wheel/venv/bin/python --no-deps build/wheel/dist/*.whl
	cd build/wheel && env -u DAGSTER_HOME -u PYTHONPATH venv/bin/forecast-assets demo

lock: $(VENV)/uv ## Lock the newest allowed releases, with hashes
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes setup.py -o requirements/base.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra dev -c requirements/base.txt setup.py -o requirements/dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes -c requirements/dev.txt requirements/notebooks.in -o requirements/notebooks.txt

audit: $(VENV)/uv ## Look for known holes in what users install; it fails where they cannot be looked up
	$(BIN)/uv tool run --quiet pip-audit@2.10.1 --strict --requirement requirements/base.txt --require-hashes --disable-pip

clean-state: ## Forget all data, runs and results, after asking
	@printf 'Forget every dataset, run and result under .forecast? [y/N] '; read answer; [ "$$answer" = y ] || { echo 'nothing was forgotten'; exit 1; }
	@if [ -x $(BIN)/forecast-assets ]; then $(BIN)/python -c "from pathlib import Path; from forecast_assets.stores.database import stop_embedded; stop_embedded(Path('.forecast').resolve())"; fi
	rm -rf .forecast storage logs history schedules .nux .telemetry .logs_queue
	@echo 'forgotten'
