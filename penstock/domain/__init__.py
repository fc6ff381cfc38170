"""What a job is and how it lives: pure values and functions, no I/O and no clock."""
