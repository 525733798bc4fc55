"""XMPP: streams, stanzas, and what its extensions carry."""
