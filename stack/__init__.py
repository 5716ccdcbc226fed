"""What the demo, the tests and the benchmarks run on, all of it real.

Imports go up this list only:

environments/  Python environments and programs, built when first needed
servers/       what listens on loopback
  processes      starts servers, waits for them, stops them
  secrets        passwords, which can be told from any other text
  swift          an OpenStack Swift cluster
  swift_logins   who may enter it: tempauth's users or Keystone's
  keystone       an OpenStack Keystone
  identity       what is asked of it: users, projects, trusts
  redis          a Redis server
  memcached      a memcached
  registry       docker-registry 0.9.1 under gunicorn with gevent workers
  serve          the v2 API without it, on Python 3
  registry2      registry:2 with its own Swift driver
  front          a haproxy that speaks TLS before single servers
  balancer       a haproxy before several servers of a kind
  relay          a network in between, with a delay or a limit
  cluster        several of each, so that none is a single point of failure
  inside/        scripts that the Swift environment's Python runs
clients/       who talks to the registry
  v1client       pushes and pulls as the docker engine did
  engine         the same, with the docker engine's retries
  v2client       pushes and pulls over the v2 API
  programs       today's clients, as Debian packages them
  artifacts      oras
  load           many clients at once
  workload       clients that push and pull until they are told to stop
faults         what may fail in a cluster
commands/      demo (and serve), check (`make test`), cluster_test, images,
               services

Needs Python 3.8 or later and nothing but its standard library.
"""
