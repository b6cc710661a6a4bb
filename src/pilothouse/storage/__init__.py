"""What the platform keeps: databases and their migrations, the spool, Snapshots, the job queue and its executor."""

from pilothouse.storage.database import Store, open_store, writing
from pilothouse.storage.spool import Cursor, Orphan, Spool, orphans

__all__ = ["Cursor", "Orphan", "Spool", "Store", "open_store", "orphans", "writing"]
