"""What the platform keeps: databases and their migrations, the spool, Snapshots, the job queue and its executor."""

from pilothouse.storage.database import Store, open_store, writing

__all__ = ["Store", "open_store", "writing"]
