# Two commands matter: `make lab` opens the course, `make test` proves it. Each target is a few lines of ordinary tools.

.DEFAULT_GOAL := help
.PHONY: help lab test test-machines test-tools tools notebooks bank bench fresh clean setup

# The interpreter that builds .venv, once: the first of these that is 3.11 or newer and can make virtual environments.
PYTHON =
PYTHONS = $(or $(PYTHON),python3.13 python3.12 python3.11 python3 python)
VENV = .venv/bin/python

# .venv is ready when this stamp exists. Its name holds the folder (a moved .venv points to the old place) and the
# contents of pyproject.toml, so that either change installs again; a .venv that does not run is built again.
STAMP := .venv/.installed-$(shell { pwd; cat pyproject.toml; } | cksum | tr ' ' -)
WORKS := import sys, pip; sys.exit(sys.version_info < (3, 11))
ifneq ($(shell { $(VENV) -c 'import sys; print(sys.version_info >= (3, 11))'; } 2>/dev/null),True)
.PHONY: $(STAMP)
endif

help:
	@echo "make lab            open the course in JupyterLab, in your own copy (work/), which is never overwritten"
	@echo "make test           run every test: code, notebooks, browser; goes on after a failure and names it at the end"
	@echo "make test-machines  run the code's tests and three lessons as on other machines: other precisions, threads and"
	@echo "                    instructions, and a busy one (MACHINES=\"bfloat16 default\": only those)"
	@echo "make tools          install Keras and Lightning as well, for the extra that compares them; make test-tools: test it"
	@echo "make fresh NB=02    put a clean copy of lesson 02 beside yours (an extra: NB=extra/03_directions)"
	@echo "make notebooks      build the notebooks from notebooks/text, and say how long they are (NB=02, NB=extra/03_directions:"
	@echo "                    only that one; NB=extra/: the extras)"
	@echo "make bank           compute the stored results in data/bank again (two hours on two cores; CHECK=1: only a"
	@echo "                    point of each that other code has made, and stamp what is found again)"
	@echo "make bench          measure the speed of training, looking and the widgets on this machine"
	@echo "make clean          remove caches and build leftovers (never work/, never .venv)"
	@echo
	@echo "The first command installs everything into .venv, which takes some minutes and about 6 GB. To start again: rm -rf .venv"
	@echo "To choose the Python that is used there (3.11 or newer): make PYTHON=python3.12 lab"

setup: $(STAMP)

$(STAMP):
	@{ $(VENV) -c '$(WORKS)'; } 2>/dev/null && exit; \
	old=; bare=; \
	for python in $(PYTHONS); do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    old="$${old:-$$("$$python" -c 'import sys; print(sys.version.split()[0])' 2>/dev/null)}"; continue; }; \
	  "$$python" -c 'import venv, ensurepip' 2>/dev/null || { bare="$${bare:-$$python}"; continue; }; \
	  echo "Building .venv with $$("$$python" -V) ..."; \
	  "$$python" -m venv --clear .venv; exit; \
	done; \
	if [ "$$bare" ]; then echo "$$bare has no venv module: install it (Debian, Ubuntu: sudo apt install" \
	  "$$("$$bare" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')), then run make again"; \
	elif [ "$$old" ]; then echo "Python $$old is too old: install Python 3.11 or newer (https://www.python.org), then run make again"; \
	else echo "No Python found ($(PYTHONS)): install Python 3.11 or newer (https://www.python.org), then run make again"; \
	fi >&2; exit 1
	@echo "Installing the course and what it needs into .venv (the first time: some minutes, about 6 GB) ..."
	@$(VENV) -m pip install --disable-pip-version-check --editable '.[test]' \
	  || { echo "The installation did not finish: see the message above, then run make again (it goes on where it stopped)" >&2; exit 1; }
	@rm -f .venv/.installed-* && touch $@

lab: setup
	@$(VENV) notebooks/desk.py

fresh: setup
	@$(VENV) notebooks/desk.py --fresh '$(NB)'

# The one notebook that needs more than the course does.
OF_TOOLS = notebooks/extra/keras_and_lightning.ipynb

tools: setup
	@$(VENV) -m pip install --disable-pip-version-check --quiet --editable '.[tools]'

test-tools: tools
	@MTL_REQUIRE_TOOLS=1 OMP_NUM_THREADS=1 $(VENV) -m pytest tests/test_keras_and_lightning.py
	@MTL_THREADS=1 OMP_NUM_THREADS=1 $(VENV) -m pytest --nbval --nbval-current-env \
	  --nbval-sanitize-with tests/notebook_sanitize.cfg --nbval-cell-timeout 300 $(OF_TOOLS)

# A step that fails does not keep the next from running; Ctrl-C does.
test: setup
	@trap 'exit 130' INT; failed=; \
	step() { title=$$1; shift; echo "$$title"; env "$$@" || failed="$$failed$$(printf '\n  %s' "$$title")"; }; \
	step "1 of 4: the style of the code" $(VENV) -m ruff check; \
	step "2 of 4: the package and the house" OMP_NUM_THREADS=1 $(VENV) -m pytest -n 2 --dist loadfile -m "not browser" tests; \
	step "3 of 4: the notebooks, every output against the stored one" MTL_PREDICTIONS=off MTL_THREADS=1 OMP_NUM_THREADS=1 $(VENV) -m pytest \
	  -n 2 --dist loadfile --nbval --nbval-current-env --nbval-sanitize-with tests/notebook_sanitize.cfg \
	  --nbval-cell-timeout 300 --ignore=$(OF_TOOLS) notebooks; \
	step "4 of 4: the lessons in JupyterLab" $(VENV) -m pytest -m browser tests; \
	if [ "$$failed" ]; then echo "These steps failed:$$failed" >&2; exit 1; fi
	@echo "Everything passed"

test-machines: setup
	@$(VENV) tests/machines.py $(MACHINES)

notebooks: setup
	@$(VENV) notebooks/build.py $(NB) && $(VENV) notebooks/length.py

bank: setup
	@$(VENV) data/bank/make.py $(if $(CHECK),--check) $(NAME)

bench: setup
	@$(VENV) benchmarks/machine.py
	@$(VENV) benchmarks/mechanism.py
	@$(VENV) benchmarks/training.py
	@$(VENV) benchmarks/lambda_path.py
	@$(VENV) benchmarks/weighting.py
	@$(VENV) benchmarks/arrows.py
	@$(VENV) benchmarks/explorer.py
	@$(VENV) benchmarks/inside.py
	@$(VENV) benchmarks/microscope.py
	@$(VENV) benchmarks/report.py
	@$(VENV) benchmarks/cluster.py

clean:
	@echo "Removing caches and build leftovers"
	@rm -rf build dist *.egg-info .pytest_cache .ruff_cache .jupyter_cache
	@find . -path ./.venv -prune -o -path ./work -prune -o -path ./.git -prune -o \
	  \( -name __pycache__ -o -name .ipynb_checkpoints \) -type d -exec rm -rf {} +
