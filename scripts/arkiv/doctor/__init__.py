"""A machine looked over before a run: what is there, what lacks, what to do."""
