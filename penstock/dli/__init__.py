"""The wire contract in DLI's own words: what requests may say, and what answers look like."""
