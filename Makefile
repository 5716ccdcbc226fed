# Everything builds what it needs by itself; see CONTRIBUTING.rst.
PYTHON ?= python3

help:
	@echo "make demo    push an image to a registry on Swift and pull it back"
	@echo "make serve   keep a registry on Swift running until ^C"
	@echo "make test    style, and the tests on every Python found"
	@echo "make cluster-test  machines fail while clients push and pull"
	@echo "make images  build the container images, and run each on a Swift"
	@echo "make bench   measure it beside 0.2.1 and registry:2; QUICK=1 in three"
	@echo "             minutes, WORKS=2,4 some of it"
	@echo "make clean   remove what the others have built, but for results in .bench"

demo serve cluster-test images:
	@$(PYTHON) -m stack $@

test:
	@$(PYTHON) -m stack check

bench:
	@$(PYTHON) -m benchmarks $(if $(QUICK),--quick) $(if $(WORKS),--works $(WORKS))

clean:
	rm -rf .stack .tox build dist *.egg-info

.PHONY: help demo serve cluster-test images test bench clean
