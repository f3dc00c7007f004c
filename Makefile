# Everything this project does from a clean checkout. `make help` lists it.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
RUN    := $(BIN)/tryon

.PHONY: help dress demo test check format types wheel assets bench clean
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# One environment for users, marked by the file that made it; `dev` adds the tools.
$(VENV)/installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[evaluate]'
	touch $@

$(VENV)/installed-dev: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $(VENV)/installed $@

# The person is a real photo, which comes with scikit-image (NASA, public domain).
dress: $(VENV)/installed ## set up, and dress the astronaut in the example shirt: writes out.jpg
	$(BIN)/python -c "import skimage.data, PIL.Image; PIL.Image.fromarray(skimage.data.astronaut()).save('person.png')"
	$(RUN) dress person.png demo/examples/shirt.jpg --output out.jpg

demo: $(VENV)/installed ## set up, and open the demo
	$(RUN) demo

test: $(VENV)/installed-dev ## set up, and run the tests
	$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/installed-dev format types ## formatting, lint, types

format: $(VENV)/installed-dev ## formatting and lint alone
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

# Type checkers cannot follow the mapping of folders to packages, so the built tree is checked.
types: $(VENV)/installed-dev ## types of the built tree
	rm -rf build/typed
	$(BIN)/pip install --quiet --no-deps --target build/typed .
	cd build/typed && ../../$(BIN)/mypy --config-file ../../pyproject.toml -p tryon

wheel: $(VENV)/installed-dev ## build the wheel into dist/
	rm -rf dist build/lib build/bdist*
	$(BIN)/python -m build --quiet --wheel

assets: $(VENV)/installed-dev ## fetch the embedded models that see people again and compare
	$(BIN)/python -m tryon.assets.rebuild

bench: $(VENV)/installed-dev ## timings, as ratios in one run
	$(BIN)/python -m tests.benchmarks.dress

clean: ## remove what the targets made
	rm -rf $(VENV) build dist out.jpg person.png *.egg-info
