"""What the next sync would do: a rehearsal of it, rolled back."""
