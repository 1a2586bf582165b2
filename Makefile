# Two commands do everything: `make run` starts the product, `make test` proves it.
PY ?= python3
UV_VERSION = 0.13.9
BIN = .venv/bin

.PHONY: run test check bench screenshots lock help install browser
help:            ## list the commands
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:[^#]*##/\t/'

run: install     ## start everything on 127.0.0.1, with demo data and a stand-in for Zoho CRM
	@exec $(BIN)/python -m zbweb.cli run

test: install browser  ## every test, on real Redis, PostgreSQL, SQLite and Chromium
	$(BIN)/python -m pytest -n 3 --dist loadscope --no-loadscope-reorder $(ARGS)

check: install   ## format, lint, types, import contracts, templates
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --lint --quiet templates zbweb/sandbox

bench: install   ## the benchmark table
	$(BIN)/python -m tests.bench $(ARGS)

screenshots: install browser  ## the README's pictures, taken of the real product
	$(BIN)/python -m tests.screenshots

lock: install    ## resolve the dependencies anew
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-annotate --extra dev --extra peers pyproject.toml -o requirements.lock

install: .venv/.ok
.venv/.ok: requirements.lock
	@test -x $(BIN)/python || $(PY) -m venv .venv
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION) 2>/dev/null \
	  && $(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock \
	  || $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
	  || (apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium)
