"""The CRM's own word that something changed: ordered, received, and handled a little later."""
