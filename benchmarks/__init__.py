"""Measures this driver beside its peers, on the same real Swift.

works/        the eight works, a module each: what is done and measured
contestants   who does them, behind one interface
goals         what this driver is to reach, beside the others
scales        how much is done: the full benchmark, the quick one

images        random images, and the comparison of every byte
engines       clients that push and pull them: v1, and v2 for registry:2
usage         CPU seconds and memory of a server's processes
curl          what Swift and the network give at most, on one connection
bench         what a work finds ready: Swift, fresh containers, relays
inside/       run by the contestants' own Pythons: a driver without a registry

runner        rounds, order, progress; keeps what was measured
report        medians, ratios, goals, as a table
charts        the same as pictures

A work that fails for a contestant is a line in the table; the benchmark goes
on. `make bench` starts here, in __main__.
"""
