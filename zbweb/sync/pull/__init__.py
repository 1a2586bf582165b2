"""What the CRM says, brought in: read, decided, merged, written down. `record` is the one routine for one record."""
