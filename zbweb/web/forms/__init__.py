"""Forms: what a page accepts, field by field. A module for each blueprint that has forms, and what they share."""
