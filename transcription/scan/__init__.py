"""Scans: `pages` decodes foreign bytes to page pixels, `recognise` reads our own pixels."""
