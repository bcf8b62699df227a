# `make run` serves the tracker, `make test` tests it. Both install what they need into .venv.
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help run demo dev admin test test-all check format bench

PORT ?= 8000
PY := .venv/bin/python
RUNTIME := .venv/.runtime
DEV := .venv/.dev
STATIC := var/static/staticfiles.json
DEMO_DATABASE := sqlite:///$(CURDIR)/var/demo.sqlite3
TEMPLATES := $(shell find templates -name '*.html')
MESSAGES := $(patsubst %.po,%.mo,$(wildcard locale/*/LC_MESSAGES/*.po locale/*/*/LC_MESSAGES/*.po))
# Outside `make check` and `make test` the secret key comes from the environment, or from a file made once.
WITH_KEY = SECRET_KEY="$${SECRET_KEY:-$$(cat var/secret_key)}"
MANAGE = $(WITH_KEY) $(PY) manage.py

help:
	@echo "make run         [PORT=8000] [DATABASE_URL=postgres://...]   serve the tracker to a browser"
	@echo "make demo        [PORT=8000]                                 the same with invented data, in its own database"
	@echo "make dev         [PORT=8000] [DATABASE_URL=...]              development server: DEBUG, autoreload, no caches"
	@echo "make admin       [DATABASE_URL=...]                          create an administrator"
	@echo "make test        [ARGS='-k word']                            check, then the default tests on SQLite"
	@echo "make test-all    [TEST_DATABASE_URL=...]                     make test, then the slow tests and PostgreSQL"
	@echo "make check                                                   lint, format, types, imports, migrations, settings"
	@echo "make format                                                  format the code"
	@echo "make bench       [ARGS='--scales 1 --seconds 5']             speed beside raw SQL and stock DRF, on PostgreSQL"

# -- run -------------------------------------------------------------------------------------------

# Invented data never meet real records: they have a database of their own, whatever the shell has set.
run dev: LOAD := load_records
demo: LOAD := load_demo
demo: ON = DATABASE_URL=$(DATABASE_URL)
demo: export DATABASE_URL := $(DEMO_DATABASE)

define PREPARE
@$(PY) -c "import socket; socket.create_server(('127.0.0.1', $(PORT)))" 2>/dev/null || \
  { echo "Port $(PORT) is taken or not allowed. Choose another: make $@ PORT=8123"; exit 1; }
@$(MANAGE) migrate --noinput --verbosity 0
@$(MANAGE) $(LOAD) --skip-checks
@echo
@echo "  The tracker:          http://127.0.0.1:$(PORT)/"
@echo "  First administrator:  make admin $(ON)   (in another terminal, then sign in at /admin/)"
@echo "  Stop:                 Ctrl-C"
@echo
endef

# A worker runs background jobs beside the server, whose process is that of the recipe's shell, and ends with it. Killed
# in between, it is started again. It does the nightly work too, and lets the first page come first.
WORKER = (until $(WITH_KEY) nice $(PY) manage.py worker --nightly --beside $$$$; do sleep 1; done) &

run demo: $(RUNTIME) $(MESSAGES) $(STATIC)
	$(PREPARE)
	@$(WORKER) $(WITH_KEY) exec $(PY) -m gunicorn config.wsgi -c python:config.gunicorn_conf --bind 127.0.0.1:$(PORT) \
	  --graceful-timeout 5

# Templates, styles, scripts and Python are read from the source at each change: DEBUG has no response cache.
dev: export DEBUG := 1
dev: export CACHE_URL := locmemcache://
dev: $(RUNTIME) $(MESSAGES) var/secret_key
	$(PREPARE)
	@$(WORKER) $(WITH_KEY) exec $(PY) manage.py runserver 127.0.0.1:$(PORT)

admin: $(RUNTIME) var/secret_key
	@$(MANAGE) migrate --noinput --verbosity 0
	@$(MANAGE) createsuperuser $(ARGS)

%.mo: %.po | $(RUNTIME)
	@$(PY) -c "import polib, sys; polib.pofile(sys.argv[1]).save_as_mofile(sys.argv[2])" $< $@

# DEBUG=0: the server needs the manifest, whatever the shell has set.
$(STATIC): $(RUNTIME) $(shell find static -type f) | var/secret_key
	@DEBUG=0 $(MANAGE) collectstatic --noinput --verbosity 0
	@touch $@

var/secret_key: | $(RUNTIME)
	@mkdir -p -m 700 var
	@umask 077 && $(PY) -c "import secrets; print(secrets.token_urlsafe(64))" > $@

# -- test ------------------------------------------------------------------------------------------

ON_NOTHING := DEBUG=1 DATABASE_URL=sqlite://:memory:
AS_DEPLOYED := env -u DEBUG -u SITE_URL -u CACHE_URL ALLOWED_HOSTS=tracker.example.gov.cn DATABASE_URL=sqlite://:memory:

check: $(DEV) $(MESSAGES)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	.venv/bin/oxlint static
	.venv/bin/oxfmt --check static/css static/js
	.venv/bin/djade --check --target-version 5.2 $(TEMPLATES)
	.venv/bin/djlint --lint --quiet templates
	$(PY) -m mypy
	$(PY) .venv/bin/lint-imports
	$(ON_NOTHING) $(PY) manage.py makemigrations --check --dry-run
	$(ON_NOTHING) $(PY) manage.py check --fail-level WARNING
	@echo "manage.py check --deploy, with the settings of production"
	@$(AS_DEPLOYED) SECRET_KEY="$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(64))')" \
	  $(PY) manage.py check --deploy --fail-level WARNING

test: $(DEV) check
	@.ci/test $(ARGS)

test-all: test
	@CHROMIUM="$$(.ci/browser)" && export CHROMIUM && .ci/test --rest

# Databases synth1 and synth10 are made once on BENCH_POSTGRES (postgres://postgres@127.0.0.1:5432) and stay.
bench: $(DEV) $(MESSAGES) $(STATIC)
	@$(PY) -m bench.run $(ARGS)

format: $(DEV)
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .
	.venv/bin/oxlint --fix static
	.venv/bin/oxfmt static/css static/js
	.venv/bin/djade --target-version 5.2 $(TEMPLATES) || true  # its exit code says that it changed a file

# -- install ---------------------------------------------------------------------------------------

$(RUNTIME): requirements.txt
	@.ci/install requirements.txt
	@touch $@

$(DEV): requirements.txt requirements-dev.txt | $(RUNTIME)
	@.ci/install requirements.txt requirements-dev.txt
	@touch $@
