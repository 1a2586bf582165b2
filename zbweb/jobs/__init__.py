"""Work done later: `queue` is the only door to RQ, `tasks` is what RQ calls, `schedule` says what is due."""
