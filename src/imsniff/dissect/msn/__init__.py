"""The MSN family: MSNP, what goes inside it (MIME, MSNSLP), and its peer connections."""
