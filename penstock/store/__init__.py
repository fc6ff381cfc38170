"""Everything SQL: functions that take a transaction and return domain values, never rows."""
