# Everything is set up by the first target you call: python3 (3.11 or later), venv and make are all it needs.
UV := .venv-boot/bin/uv
PY := .venv/bin/python
PORT ?= 8080
COUNT ?= 100000
OPERATIONS ?= 200
export UV_PYTHON_DOWNLOADS = never

.PHONY: help demo serve test fuzz chaos lint types conformance bench docs gallery lock clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*## /\t/' | expand -t 14

.venv/.ok: pyproject.toml requirements.lock
	@test -x $(UV) || (echo "Preparing tools …" && python3 -m venv .venv-boot && .venv-boot/bin/pip install -q --disable-pip-version-check uv)
	@test -x $(PY) || $(UV) venv -q --python python3 .venv
	@echo "Installing Ecumene and what it needs …"
	@$(UV) pip sync -q --python .venv --require-hashes requirements.lock
	@$(UV) pip install -q --python .venv --no-deps -e .
	@echo "Compiling kernels …" && $(PY) -m ecumene.cli kernels build
	@touch $@

demo: .venv/.ok ## Seed the demo archive, start a server, run the main job, leave build/demo/median.png
	@$(PY) -m ecumene.cli demo seed --data build/demo
	@$(PY) -m ecumene.cli demo run --data build/demo

serve: .venv/.ok ## Serve the demo archive on PORT (8080)
	@$(PY) -m ecumene.cli demo seed --data build/demo
	@$(PY) -m ecumene.cli serve --data build/demo --port $(PORT)

test: .venv/.ok ## Run the tests
	@$(PY) -m pytest

lint: .venv/.ok ## Formatting, lint, types, import layers
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

conformance: .venv/.ok ## Run the public conformance cases against a live server (a ratchet)
	@$(PY) -m tests.conformance.ratchet

bench: .venv/.ok ## Measure beside the open peers, all or a part: make bench BENCH="w1 w2 --n 20 --reps 3"
	@$(PY) -m benchmarks $(BENCH)

fuzz: .venv/.ok ## Send 100,000 random graphs to the application (COUNT); some twenty minutes
	@$(PY) -m tests.fuzz --count $(COUNT)

chaos: .venv/.ok ## Kill the server and its workers at random while OPERATIONS (200) exports and ingestions run; about half an hour
	@$(PY) -m tests.chaos --count $(OPERATIONS)

docs: .venv/.ok ## Generate the algorithm reference from the registry
	@$(PY) -m ecumene.cli docs build --output docs/reference

gallery: .venv/.ok ## Render the pictures of docs/gallery.md again
	@$(PY) -m tests.gallery

lock: .venv/.ok ## Resolve requirements.lock again
	@$(UV) pip compile -q --universal --generate-hashes --no-annotate --no-header --python-version 3.11 --all-extras pyproject.toml -o requirements.lock

clean: ## Remove everything that was built
	rm -rf .venv .venv-boot build .mypy_cache .ruff_cache .pytest_cache .hypothesis
