"""The command line: `penstock serve`, `stop`, `env`, `keys`, `demo`."""
