"""Flask: the JSON data source, REST and operations. Thin."""
