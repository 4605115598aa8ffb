"""Who may see what: roles, visibility, sealing, the audit chain, sign-in."""
