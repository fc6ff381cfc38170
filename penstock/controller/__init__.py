"""Makes Flink agree with what users want: looks, decides, records, acts, again and again."""
