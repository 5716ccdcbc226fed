"""What the demo, the tests and the benchmarks run on, all of it real.

environments  builds the Python environments, with progress
processes     starts servers on loopback, waits for them, stops them
keystone      an OpenStack Keystone
swift         an OpenStack Swift cluster
redis         a Redis server
registry      docker-registry 0.9.1 under gunicorn with gevent workers
v1client      pushes and pulls as the docker engine did
load          many clients at once
demo, check   what `make demo`, `make serve` and `make test` do
inside/       scripts that the Swift environment's Python runs

Needs Python 3.8 or later and nothing but its standard library.
"""
