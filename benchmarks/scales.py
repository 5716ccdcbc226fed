"""How much is done in one run of the benchmark."""

import collections

#: rounds: of each work; large_mib: a large layer; objects: small ones put,
#: got and asked for one by one; names: in a listing; images: pushed and pulled
#: by many clients; few, many: of those at once; layers: of one image of small
#: ones; tags: of a repository; pushes: large ones at once, for memory
Scale = collections.namedtuple(
    'Scale', 'rounds large_mib objects names images few many layers tags '
    'pushes')

FULL = Scale(rounds=5, large_mib=256, objects=200, names=20000, images=64,
             few=16, many=64, layers=20, tags=1000, pushes=16)
#: Shows that everything runs, and roughly how it compares.
QUICK = Scale(rounds=1, large_mib=32, objects=50, names=2000, images=8, few=4,
              many=8, layers=3, tags=200, pushes=4)
