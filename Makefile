# Everything builds what it needs by itself; see CONTRIBUTING.rst.
PYTHON ?= python3

help:
	@echo "make demo    push an image to a registry on Swift and pull it back"
	@echo "make serve   keep a registry on Swift running until ^C"
	@echo "make test    style, and the tests on every Python found"
	@echo "make cluster-test           machines fail while clients push and pull"
	@echo "make bench-clients          32 clients at once, against 0.2.1"
	@echo "make bench-large MIB=6144   one large layer: time, memory, requests"
	@echo "make clean   remove what the others have built"

demo serve cluster-test:
	@$(PYTHON) -m stack $@

test:
	@$(PYTHON) -m stack check

MIB ?= 2048
bench-large:
	@$(PYTHON) -m benchmarks.large_layer --mib $(MIB)

bench-clients:
	@$(PYTHON) -m benchmarks.many_clients

clean:
	rm -rf .stack .tox build dist *.egg-info

.PHONY: help demo serve cluster-test test bench-large bench-clients clean
