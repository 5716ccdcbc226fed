"""What the demo, the tests and the benchmarks run on, all of it real.

environments  builds the Python environments, with progress
processes     starts servers on loopback, waits for them, stops them
keystone      an OpenStack Keystone
identity      what is asked of it: users, projects, trusts
swift         an OpenStack Swift cluster
swift_logins  who may enter it: tempauth's users or Keystone's
secrets       their passwords, which can be told from any other text
front         a haproxy that speaks TLS before single servers
redis         a Redis server
memcached     a memcached
registry      docker-registry 0.9.1 under gunicorn with gevent workers
registry2     registry:2 with its own Swift driver
relay         a network in between, with a delay or a limit
balancer      a haproxy before several servers of a kind
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
