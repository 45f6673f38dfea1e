"""The story of a job: recorded as it happens, summed up afterwards."""
