"""Everything that knows Flink: its packages, its processes, its REST API and its state on disk."""
