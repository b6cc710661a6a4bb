# `make demo` and `make test` need Python 3.11+, pip and make, and nothing else.
PYTHON ?= python3
BIN := .venv/bin
export PILOTHOUSE_MODELS ?= $(CURDIR)/.pilothouse/models
unexport PYTHONDONTWRITEBYTECODE  # each of the processes that tests start would compile the package anew

.DEFAULT_GOAL := help
.PHONY: help demo test interop claude-code check format bench docs clean

help:  ## List these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/.pip:
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.0'
	@touch $@

.venv/.base: .venv/.pip pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/.dev: .venv/.pip pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,check]'
	@touch $@ .venv/.base

.venv/.models: .venv/.base
	$(BIN)/pilothouse models pull
	@touch $@

demo: .venv/.base .venv/.models  ## Ingest the docs, ask questions over HTTP, show answers and the trace
	@$(BIN)/pilothouse demo

test: .venv/.dev .venv/.models  ## Run the whole test suite
	$(BIN)/python -m pytest -n auto

.venv-interop/.clients: tests/interop/requirements.txt
	@test -x .venv-interop/bin/python || $(PYTHON) -m venv .venv-interop
	.venv-interop/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --requirement $<
	@touch $@

# The versions of the Langfuse SDK exclude each other.
LANGFUSE := 3.15.0 4.18.0 5.0.4

.venv-interop/.langfuse-%: .venv-interop/.clients
	test -x .venv-interop/langfuse-$*/bin/python || $(PYTHON) -m venv .venv-interop/langfuse-$*
	.venv-interop/langfuse-$*/bin/python -m pip install --quiet --disable-pip-version-check --no-compile \
		langfuse==$* openai==2.54.0 pytest==9.2.0 pytest-asyncio==1.5.0
	@touch $@

# By itself, ragas 0.4.3 installs a langchain-community that it cannot import. msgspec is for Pilothouse's evaluators.
.venv-interop/.ragas:
	test -x .venv-interop/ragas/bin/python || $(PYTHON) -m venv .venv-interop/ragas
	.venv-interop/ragas/bin/python -m pip install --quiet --disable-pip-version-check --no-compile \
		ragas==0.4.3 langchain-community==0.3.31 msgspec==0.22.0 pytest==9.2.0 pytest-asyncio==1.5.0
	@touch $@

# Without torch: the models are behind the gateway. It brings pandas, scikit-learn and pyarrow, 600 MB in all.
.venv-interop/.lm-eval:
	test -x .venv-interop/lm-eval/bin/python || $(PYTHON) -m venv .venv-interop/lm-eval
	.venv-interop/lm-eval/bin/python -m pip install --quiet --disable-pip-version-check --no-compile \
		'lm-eval[api]==0.4.13' pytest==9.2.0 pytest-asyncio==1.5.0
	@touch $@

interop: .venv/.dev .venv-interop/.clients .venv-interop/.ragas .venv-interop/.lm-eval $(LANGFUSE:%=.venv-interop/.langfuse-%)  ## Run others' own clients against the gateway
	$(BIN)/python -m pytest -c tests/interop/pytest.ini tests/interop/test_openai.py tests/interop/test_anthropic.py
	.venv-interop/bin/python -m pytest -c tests/interop/pytest.ini tests/interop
	RAGAS_DO_NOT_TRACK=true .venv-interop/ragas/bin/python -m pytest -c tests/interop/pytest.ini tests/interop/test_ragas.py
	HF_HUB_OFFLINE=1 .venv-interop/lm-eval/bin/python -m pytest -c tests/interop/pytest.ini tests/interop/test_lm_eval.py
	for version in $(LANGFUSE); do for page in test_langfuse test_langfuse_datasets test_langfuse_prompts; do \
		.venv-interop/langfuse-$$version/bin/python -m pytest -c tests/interop/pytest.ini tests/interop/$$page.py || exit; \
	done; done

.venv-interop/.claude-code: .venv-interop/.clients
	npm install --no-save --prefix .venv-interop @anthropic-ai/claude-code@2.1.197
	@touch $@

claude-code: .venv/.dev .venv-interop/.claude-code  ## Run Claude Code itself against the gateway (needs npm; 240 MB)
	PILOTHOUSE_CLAUDE_CODE="$$(echo $(CURDIR)/.venv-interop/node_modules/@anthropic-ai/claude-code-*/claude)" \
		.venv-interop/bin/python -m pytest -c tests/interop/pytest.ini tests/interop/test_claude_code.py

check: .venv/.dev  ## Lint, types, layers and the shape of the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/house

docs: .venv/.dev .venv/.models  ## Run every example of README and docs/
	$(BIN)/python -m pytest tests/docs

bench: .venv/.dev .venv/.models  ## CPU and latency of the gateway beside its bare upstream (needs gcc)
	$(BIN)/python benchmarks/gateway/run.py

format: .venv/.dev  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## Remove the virtual environments and what was built
	rm -rf .venv .venv-interop build dist
