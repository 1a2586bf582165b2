"""The CRM's REST interface: one module per resource, each a blueprint with the CRM's own paths."""
