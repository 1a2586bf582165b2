"""The rows of the sync. Import models from here; each concept has its module."""

from zbweb.sync.models.connection import Connection, CrmEvent
from zbweb.sync.models.link import Link, ReviewPair
from zbweb.sync.models.potential import SeenPotential
from zbweb.sync.models.run import SyncEntry, SyncRun
from zbweb.sync.models.setup import ModuleSetup

__all__ = ["Connection", "CrmEvent", "Link", "ModuleSetup", "ReviewPair", "SeenPotential", "SyncEntry", "SyncRun"]
