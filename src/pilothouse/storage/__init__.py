"""What the platform keeps: databases and their migrations, the spool, Snapshots, the job queue and its executor."""

from pilothouse.storage.database import Store, open_store, writing
from pilothouse.storage.executor import LocalExecutor
from pilothouse.storage.jobs import Job, Jobs
from pilothouse.storage.leases import Leases
from pilothouse.storage.schedules import Schedule, Schedules
from pilothouse.storage.snapshots import Revision, SnapshotStore
from pilothouse.storage.spool import Cursor, Orphan, Spool, orphans

__all__ = [
    "Cursor", "Job", "Jobs", "Leases", "LocalExecutor", "Orphan", "Revision", "Schedule", "Schedules", "SnapshotStore",
    "Spool", "Store", "open_store", "orphans", "writing",
]  # fmt: skip
