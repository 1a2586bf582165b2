"""Decisions of the sync, pure: no session, no client, no clock, no environment.

The same answers feed a run, the search pop-up, a retry and the preview, and each is a table in a test.
"""
