"""What Penstock costs, beside what one would have without it, measured in one run: `make bench`."""
