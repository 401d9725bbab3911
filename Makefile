# Two commands on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.8
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode -c constraints.txt

.PHONY: install demo test check bench soak lock clean

install: $(VENV)/.installed

$(BIN)/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/uv
	@echo "Installing Weft into $(VENV) ..."
	$(UV) -e '.[all]'
	@touch $@

$(VENV)/.tested: pyproject.toml constraints.txt | $(BIN)/uv
	@echo "Installing Weft and its test tools into $(VENV) ..."
	$(UV) -e '.[all,test,check]'
	@touch $@ $(VENV)/.installed

demo: install
	$(BIN)/weft demo $(ARGS)

test: $(VENV)/.tested
	$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_lock.py

bench: $(VENV)/.tested
	$(BIN)/python -m benchmarks $(ARGS)

soak: $(VENV)/.tested
	$(BIN)/python -m pytest -m soak $(ARGS)

lock: $(BIN)/uv
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --generate-hashes --no-header --no-annotate --quiet $(ARGS) -o constraints.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
