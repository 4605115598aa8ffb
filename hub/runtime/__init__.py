"""Running the hub as one command: embedded PostgreSQL and Valkey, the supervisor (ADR 0001, 0002, 0014)."""
