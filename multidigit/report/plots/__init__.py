"""The report's figures: small charts drawn by matplotlib, a file for each kind."""
