"""Yahoo! Messenger: YMSG and its forerunner."""
