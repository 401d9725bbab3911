# Two commands on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
COMPILE := $(BIN)/uv pip compile pyproject.toml --universal --generate-hashes --no-header --no-annotate --quiet

.PHONY: install demo test check bench soak lock clean

install: $(VENV)/.installed

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# Everything comes by its hash, what builds the package included.
$(VENV)/.installed: pyproject.toml constraints-demo.txt | $(BIN)/python
	@echo "Installing Weft into $(VENV); this takes a minute or two ..."
	$(PIP) install --no-deps --require-hashes -r constraints-demo.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.tested: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Weft and its test tools into $(VENV); this takes a minute or two ..."
	$(PIP) install --no-deps --require-hashes -r constraints.txt
	$(PIP) install --no-deps --no-build-isolation -e .
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

# constraints.txt pins everything; constraints-demo.txt is the part of it that `make demo` needs.
lock: $(VENV)/.tested
	$(COMPILE) --all-extras $(ARGS) -o constraints.txt
	$(COMPILE) --extra all --extra build -c constraints.txt -o constraints-demo.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
