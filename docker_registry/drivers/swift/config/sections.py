"""Reads the sections of a configuration: mappings of keys to values.

Pure: no I/O.
"""


def get(section, key):
    """Return what a dict, or the registry's Config, has for a key, or None."""
    if isinstance(section, dict):
        return section.get(key)
    return getattr(section, key, None)


def mapping(section, where, known, problems):
    """Return a section as a dict from each of its known keys.

    :param section: a dict or the registry's Config; None where there is none
    :param where: what the section is called in messages
    :param known: the keys that it may have
    :param problems: a list, which gets what is wrong with it
    :returns: {} where there is none or it is no mapping
    """
    if section is None:
        return {}
    if not hasattr(section, 'keys'):
        problems.append('%s: not a mapping of keys to values' % where)
        return {}
    for key in sorted(map(str, section.keys())):
        if key not in known:
            problems.append('%s: %s: unknown; known are %s' % (
                where, key, ', '.join(known)))
    return {key: get(section, key) for key in known}
