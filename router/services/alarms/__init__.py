"""What needs a hand shows itself: alarms, notices to people, digests, and what is asked about all of them."""
