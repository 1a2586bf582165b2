"""What people decide and mend: conflicts, near matches, links, and the undoing of a run."""
