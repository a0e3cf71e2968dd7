"""The shop of the example: an HTTP API and a worker over one SQLite file. Standard library only."""
