"""Errors, request ids, log format, incidents, URLs and the HTTP session. Imports nothing of ours."""
