"""What is said of a recording to people, and what it is compared with."""
