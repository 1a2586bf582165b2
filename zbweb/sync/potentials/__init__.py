"""Potentials: linked with documents by people, and followed by documents where the automation says so."""
