"""What a recorded call changes besides the memory that its ops write."""
