"""What the demo, the tests and the benchmarks run on, all of it real.

environments  builds the Python environments, with progress
processes     starts servers on loopback, waits for them, stops them
keystone      an OpenStack Keystone
swift         an OpenStack Swift cluster
redis         a Redis server
memcached     a memcached
registry      docker-registry 0.9.1 under gunicorn with gevent workers
balancer      a haproxy
cluster       all of it, with nothing that there is but one of on the way
v1client      pushes and pulls as the docker engine did
engine        the same, with the docker engine's retries
load          many clients at once
workload      clients that push and pull until they are told to stop
faults        what may fail in a cluster
demo, check, cluster_test
              what `make demo`, `make serve`, `make test` and
              `make cluster-test` do
inside/       scripts that the Swift environment's Python runs

Needs Python 3.8 or later and nothing but its standard library.
"""
