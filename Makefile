# `make run` shows the tracker, `make test` proves it. Both install what they need into .venv.
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help run demo admin manage check test fuzz bench hunt format messages lock

PORT ?= 8000
SECONDS ?= 300
PY := .venv/bin/python
RUNTIME := .venv/.runtime
DEV := .venv/.dev
STATIC := var/static/staticfiles.json
DEMO_DATABASE := sqlite:///$(CURDIR)/var/demo.sqlite3
MESSAGES := $(patsubst %.po,%.mo,$(wildcard locale/*/LC_MESSAGES/*.po))
# Outside `make check` and `make test` the secret key comes from the environment, or from a file made once.
WITH_KEY = SECRET_KEY="$${SECRET_KEY:-$$(cat var/secret_key)}"
MANAGE = $(WITH_KEY) $(PY) manage.py

help:
	@echo "make run     [PORT=8000] [DATABASE_URL=postgres://...]   show the tracker in a browser"
	@echo "make demo    [PORT=8000]                                 the same with invented data, on a database of its own"
	@echo "make admin   [DATABASE_URL=...]                          make an administrator"
	@echo "make manage  ARGS='...'                                  any command of manage.py"
	@echo "make check                                               lint, types, imports, migrations, settings"
	@echo "make test    [ARGS='-k word'] [TEST_DATABASE_URL=...]    check, then the suite on each database"
	@echo "make fuzz    [SECONDS=300]                               the API against its description, so long for each role"
	@echo "make hunt    [ANSWERS=10000] [DATABASE_URL=...]           kept answers against computed ones, none may be stale"
	@echo "make bench   [SCALES=1,100] [SECONDS=2] [ROUNDS=5]       speed beside raw SQL and stock DRF, into docs/performance.md"
	@echo "make format                                              put the code into its usual form"
	@echo "make lock    [ARGS=--upgrade]                            pin requirements*.in anew"

# -- the product -----------------------------------------------------------------------------------

# Invented data never meet real records: they have a database of their own, whatever the shell has set.
run: LOAD := load_records
demo: LOAD := load_demo
demo: ON = DATABASE_URL=$(DATABASE_URL)
demo: export DATABASE_URL := $(DEMO_DATABASE)

run demo: $(RUNTIME) $(MESSAGES) $(STATIC)
	@$(PY) -c "import socket; socket.create_server(('127.0.0.1', $(PORT)))" 2>/dev/null || \
	  { echo "Port $(PORT) is taken or not allowed. Choose another: make $@ PORT=8123"; exit 1; }
	@$(MANAGE) migrate --noinput --verbosity 0
	@$(MANAGE) $(LOAD)
	@echo
	@echo "  The tracker:          http://127.0.0.1:$(PORT)/"
	@echo "  First administrator:  make admin $(ON)   (in another terminal, then sign in at /admin/)"
	@echo "  Stop:                 Ctrl-C"
	@echo
	@$(WITH_KEY) exec $(PY) -m gunicorn config.wsgi -c python:config.server --bind 127.0.0.1:$(PORT) \
	  --graceful-timeout 5

admin: $(RUNTIME) var/secret_key
	@$(MANAGE) migrate --noinput --verbosity 0
	@$(MANAGE) createsuperuser $(ARGS)

manage: $(RUNTIME) var/secret_key
	@$(MANAGE) $(ARGS)

messages: $(MESSAGES)

%.mo: %.po | $(RUNTIME)
	@$(PY) -c "import polib, sys; polib.pofile(sys.argv[1]).save_as_mofile(sys.argv[2])" $< $@

# DEBUG=0: the server needs the manifest, whatever the shell has set.
$(STATIC): $(RUNTIME) $(shell find static -type f) | var/secret_key
	@DEBUG=0 $(MANAGE) collectstatic --noinput --verbosity 0
	@touch $@

var/secret_key: | $(RUNTIME)
	@mkdir -p -m 700 var
	@umask 077 && $(PY) -c "import secrets; print(secrets.token_urlsafe(64))" > $@

# -- the proof -------------------------------------------------------------------------------------

ON_NOTHING := DEBUG=1 DATABASE_URL=sqlite://:memory:
AS_DEPLOYED := env -u DEBUG -u HTTPS -u CACHE_URL ALLOWED_HOSTS=tracker.example.gov.cn DATABASE_URL=sqlite://:memory:

check: $(DEV) $(MESSAGES)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) .venv/bin/lint-imports
	$(ON_NOTHING) $(PY) manage.py makemigrations --check --dry-run
	$(ON_NOTHING) $(PY) manage.py check --fail-level WARNING
	@echo "manage.py check --deploy, with the settings of production"
	@$(AS_DEPLOYED) SECRET_KEY="$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(64))')" \
	  $(PY) manage.py check --deploy --fail-level WARNING

test: $(DEV) check
	@CHROMIUM="$$(.ci/browser)" && export CHROMIUM && .ci/test $(ARGS)

fuzz: $(DEV)
	@FUZZ_SECONDS=$(SECONDS) .ci/test tests/test_fuzz.py

# Databases synth1, synth100 … are made once on BENCH_POSTGRES (postgres://postgres@127.0.0.1:5432) and stay.
bench: SCALES ?= 1,100
bench: SECONDS := $(if $(filter command%,$(origin SECONDS)),$(SECONDS),2)
bench: ROUNDS ?= 5
bench: $(DEV) $(MESSAGES) $(STATIC)
	@$(PY) -m bench.run --scales $(SCALES) --seconds $(SECONDS) --rounds $(ROUNDS)

hunt: ANSWERS ?= 10000
hunt: $(DEV) $(MESSAGES)
	@$(PY) -m tests.hunting $(ANSWERS)

format: $(DEV)
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

# -- what is installed -----------------------------------------------------------------------------

$(RUNTIME): requirements.txt
	@.ci/install requirements.txt
	@touch $@

$(DEV): requirements.txt requirements-dev.txt | $(RUNTIME)
	@.ci/install requirements.txt requirements-dev.txt
	@touch $@

# Files for every platform and each Python from 3.11 on; a reason stands beside each direct requirement.
lock: $(DEV)
	@for name in requirements requirements-dev; do \
	  $(PY) -m uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet \
	    $(ARGS) $$name.in -o $$name.txt && $(PY) .ci/reasons.py $$name.in $$name.txt || exit 1; done
