"""SIP for presence and messages (SIMPLE), the bodies it carries, and MSRP."""
