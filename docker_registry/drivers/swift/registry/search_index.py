"""Builds the registry's search index later if Swift is away at start.

The registry builds it from a listing of the storage when it starts with an
empty database, and does not start where that fails.

Source: docker_registry/lib/index/__init__.py and db.py
"""

import functools
import logging

from .. import errors

logger = logging.getLogger(__name__)


def loading(load, storage):
    """Return a replacement of docker_registry.lib.index.load().

    :param load: the registry's function
    :param storage: the Storage that the registry uses
    """
    @functools.wraps(load)
    def wrapper(kind=None):
        if kind != 'sqlalchemy':
            return load(kind)
        # Not sooner: who has no such index need not have SQLAlchemy.
        from docker_registry.lib.index import db
        return _deferred(db, storage)()
    return wrapper


def _deferred(db, storage):
    """Return a class to be used instead of db.SQLAlchemyIndex.

    While there is no index, a search builds it, or raises errors.SwiftError;
    so does a change of a repository, which is not kept from happening.

    :param db: the module docker_registry.lib.index.db
    :param storage: the Storage that the registry uses
    """
    class SQLAlchemyIndex(db.SQLAlchemyIndex):
        _is_built = False

        def _setup_database(self):
            self._has_been_built()

        def _build(self):
            if self._is_built:
                return
            if not self._is_there():
                # The listing would keep a worker that starts waiting for
                # longer.
                storage.check()
            super(SQLAlchemyIndex, self)._setup_database()
            # Another process that was building it may have failed.
            if not self._is_there():
                raise errors.UnreachableError('there is no search index')
            self._is_built = True

        def _is_there(self):
            return self._engine.has_table(
                db.Version.__tablename__) and self._count(db.Version.id) > 0

        def _count(self, column, *values):
            session = self._session()
            try:
                return session.query(column).filter(*[
                    column == value for value in values]).count()
            finally:
                session.close()

        def _has_been_built(self):
            try:
                self._build()
            except errors.SwiftError as error:
                logger.warning('no search index until Swift answers: %s',
                               error)
            return self._is_built

        def _handle_repository_created(self, sender, namespace, repository,
                                       value):
            if not self._has_been_built():
                return  # what builds it will list the repository
            name = '%s/%s' % (namespace, repository)
            if not self._count(db.Repository.name, name):
                super(SQLAlchemyIndex, self)._handle_repository_created(
                    sender, namespace, repository, value)

        def _handle_repository_updated(self, *arguments, **keywords):
            if self._has_been_built():
                super(SQLAlchemyIndex, self)._handle_repository_updated(
                    *arguments, **keywords)

        def _handle_repository_deleted(self, *arguments, **keywords):
            if self._has_been_built():
                super(SQLAlchemyIndex, self)._handle_repository_deleted(
                    *arguments, **keywords)

        def results(self, search_term=None):
            self._build()
            return super(SQLAlchemyIndex, self).results(search_term)

    return SQLAlchemyIndex
