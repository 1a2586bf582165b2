"""Tests of the stand-in CRM: its wire, its semantics, and how well it imitates the real one."""
