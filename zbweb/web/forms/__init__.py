"""Forms: what a page accepts, field by field. One module per blueprint."""
