"""What only the demo has: crowds on request, so that an alert can be seen to ring."""
