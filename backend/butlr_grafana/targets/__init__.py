"""What can be queried."""
