"""Looking after an installation from the command line: is it well, keep a copy, bring it back, change its keys."""
