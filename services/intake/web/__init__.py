"""The citizens' web page and JSON API."""
