"""How the two books agree.

connection (our organisation ↔ one CRM organisation), link (one local record ↔ one CRM record),
module setup (the five choices), mapping, extent, policy, view, run, entry (one record's fate in a
run), twin (an unlinked record of the same name), snapshot (the mapped values both sides agreed on
last). `core` decides and does no I/O; `pull`, `push` and their neighbours gather, apply and record; the modules
beside them are the life of connections and runs.
"""
