# Two commands on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CLIENTS := $(VENV)-clients
FRAMEWORKS := $(VENV)-frameworks
# A process more than cores, as tests wait for servers and browsers; who is done early takes of the others' tests.
SPREAD = --numprocesses $(shell $(BIN)/python -c "import os; print((os.cpu_count() or 1) + 1)") --dist worksteal
# Tests start a thousand programs: each would compile Weft anew where containers set this.
unexport PYTHONDONTWRITEBYTECODE
# A test that fails is tried up to twice more; what failed is printed all the same (docs/decisions/0034).
AGAIN := --reruns 2
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
COMPILE := $(BIN)/uv pip compile pyproject.toml --universal --generate-hashes --no-header --no-annotate --quiet

.PHONY: install demo test test-here environments test-clients test-frameworks check bench soak lock clean

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

$(CLIENTS)/bin/python:
	$(PYTHON) -m venv $(CLIENTS)

# openai 3 and other libraries, which cannot live beside litellm.
$(CLIENTS)/.tested: pyproject.toml constraints-clients.txt | $(CLIENTS)/bin/python
	@echo "Installing openai 3 and other clients into $(CLIENTS) ..."
	$(CLIENTS)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --require-hashes -r constraints-clients.txt
	$(CLIENTS)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --no-build-isolation -e .
	@touch $@

# The other environments are fetched while the tests of this one run.
test: $(VENV)/.tested
ifdef ARGS
	$(BIN)/python -m pytest $(ARGS)
else
	$(MAKE) --jobs 2 test-here environments
	$(MAKE) --jobs 2 --output-sync=target test-clients test-frameworks
endif

test-here: $(VENV)/.tested
	$(BIN)/python -m pytest $(SPREAD) $(AGAIN)

environments: $(CLIENTS)/.tested $(FRAMEWORKS)/.tested

test-clients: $(CLIENTS)/.tested
	$(CLIENTS)/bin/python -m pytest -p no:cacheprovider $(AGAIN) tests/clients tests/integration/openai_client

$(FRAMEWORKS)/bin/python:
	$(PYTHON) -m venv $(FRAMEWORKS)

# PyTorch, Ray and the rest. PyPI's torch for Linux is imported only with NVIDIA's libraries, a CPU build without.
$(FRAMEWORKS)/.tested: pyproject.toml constraints-frameworks.txt constraints-frameworks-cuda.txt | $(FRAMEWORKS)/bin/python
	@echo "Installing training frameworks into $(FRAMEWORKS); this takes a minute or two ..."
	$(FRAMEWORKS)/bin/python -m pip --disable-pip-version-check --quiet install --no-compile --no-deps --require-hashes -r constraints-frameworks.txt
	$(FRAMEWORKS)/bin/python -c "import torch" 2>/dev/null || \
	  $(FRAMEWORKS)/bin/python -m pip --disable-pip-version-check --quiet install --no-compile --no-deps --require-hashes -r constraints-frameworks-cuda.txt
	$(FRAMEWORKS)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --no-build-isolation -e .
	@touch $@

# The frameworks warn of themselves.
test-frameworks: $(FRAMEWORKS)/.tested
	$(FRAMEWORKS)/bin/python -m pytest -p no:cacheprovider -W ignore $(AGAIN) $(if $(ARGS),$(ARGS),tests/frameworks)

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

# constraints.txt pins everything; constraints-demo.txt is the part of it that `make demo` needs;
# constraints-clients.txt and constraints-frameworks.txt are of environments of their own.
lock: $(VENV)/.tested
	$(COMPILE) --extra all --extra build --extra test --extra check $(ARGS) -o constraints.txt
	$(COMPILE) --extra all --extra build -c constraints.txt -o constraints-demo.txt
	$(COMPILE) --group clients --extra build $(ARGS) -o constraints-clients.txt
	$(COMPILE) --group frameworks --extra build $(ARGS) -o constraints-frameworks.txt
	$(BIN)/python scripts/part_torch.py

clean:
	rm -rf $(VENV) $(CLIENTS) $(FRAMEWORKS) .mypy_cache .ruff_cache .pytest_cache
