"""What happens in the middle of something that has several steps."""


def during(monkeypatch, kind, step, action):
    """Do something before a step, the first time it is taken.

    :param kind: the class that has the step
    :param step: name of its method
    """
    method = getattr(kind, step)
    done = []

    def wrapper(self, *arguments):
        if not done:
            done.append(True)
            action()
        return method(self, *arguments)
    monkeypatch.setattr(kind, step, wrapper)
