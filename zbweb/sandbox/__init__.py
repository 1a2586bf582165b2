"""A stand-in for Zoho CRM that speaks its REST wire (version 8) over real HTTP.

It exists so that billing can be run, tried and tested without an account at Zoho, against answers that the
CRM's published OpenAPI files accept. It keeps its own SQLite file and imports nothing else of zbweb.

Words, in the order to read the modules:

schema, tables, catalog   what modules and fields exist
store, queries            where records are kept and how they are found
work, records, merging    the one door through which records change, and two records that become one
criteria, views, coql     how records are chosen
rendering, columns        how records look on the wire, one by one and field by field
oauth, watch, bulk        tokens, notifications, exports
faults, control           how a test makes the CRM misbehave
pages, panel              what people see in a browser, and the page of billing they see inside it
seed                      who the CRM's imaginary customers are
"""
