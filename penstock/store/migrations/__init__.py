"""Forward-only, numbered migrations; the tests run each on every database."""
