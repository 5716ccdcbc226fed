"""Answers DELETE of a repository and of a tag.

Replaces tags.delete_repository() of docker-registry 0.9.1, which removes the
tags one by one and then the directory. In Swift there are no directories: one
with nothing but tags is gone by then, and the registry answers 404 for what
it has just removed. So it does for a tag that has no json: who is killed while
pushing one leaves that.

Source: docker_registry/tags.py
"""

import flask

from .. import errors


class Deletion(object):

    """Deletes repositories and tags.

    :param storage: the Storage that the registry uses
    :param tags: the module docker_registry.tags
    :param toolkit: the module docker_registry.toolkit
    :param signals: the module docker_registry.lib.signals
    """

    def __init__(self, storage, tags, toolkit, signals):
        self._storage = storage
        self._tags = tags
        self._toolkit = toolkit
        self._signals = signals

    def delete_repository(self, namespace, repository):
        """Delete a repository with its tags; images stay.

        :returns: flask.Response; 404 if there was nothing
        :raises errors.SwiftError: something may be left
        """
        try:
            found = self._tags.get_tags(namespace=namespace,
                                        repository=repository)
        except errors.ObjectNotFoundError:
            found = {}
        for tag in found:
            try:
                self.delete_tag(namespace, repository, tag)
            except errors.ObjectNotFoundError:
                pass  # somebody else was faster
        try:
            self._storage.remove(self._storage.repository_path(
                namespace=namespace, repository=repository))
        except errors.ObjectNotFoundError:
            if not found:
                return self._toolkit.api_error('Repository not found', 404)
        self._signals.repository_deleted.send(
            flask.current_app._get_current_object(),
            namespace=namespace, repository=repository)
        return self._toolkit.response()

    def delete_tag(self, namespace, repository, tag):
        """Delete a tag with what the registry notes of who pushed it.

        :raises errors.ObjectNotFoundError: there is none
        :raises errors.SwiftError: it may be left
        """
        storage = self._storage
        path = storage.tag_path(namespace, repository, tag)
        image = storage.get_content(path)
        storage.remove(path)
        notes = [storage.repository_tag_json_path(namespace, repository, tag)]
        if tag == 'latest':
            notes.append(storage.repository_json_path(namespace, repository))
        for note in notes:
            try:
                storage.remove(note)
            except errors.ObjectNotFoundError:
                pass
        self._signals.tag_deleted.send(
            flask.current_app._get_current_object(), namespace=namespace,
            repository=repository, tag=tag, image=image)
