"""A stand-in for Zoho CRM that speaks its REST wire (version 8) over real HTTP.

It exists so that billing can be run, tried and tested without an account at Zoho, against answers that the
CRM's published OpenAPI files accept. It keeps its own SQLite file and imports nothing else of zbweb.

Words, in the order to read the modules:

schema, tables, catalog   what modules and fields exist
store, queries            where records are kept and how they are found
work, records             the one door through which records change
criteria, views, coql     how records are chosen
rendering, columns        how records look on the wire, one by one and field by field
oauth, watch, bulk        tokens, notifications, exports
faults, control           how a test makes the CRM misbehave
seed                      who the CRM's imaginary customers are
"""
