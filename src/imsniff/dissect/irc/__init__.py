"""IRC and the direct connections its clients agree on (DCC)."""
