"""The law as data: rule table, clocks, calendar, scope, notices. Reaches no Flask, SQLAlchemy or Redis."""
