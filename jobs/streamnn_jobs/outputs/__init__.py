"""Records that go out: predictions, alarms, dead letters."""
