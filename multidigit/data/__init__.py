"""A user's own labelled pictures: read in any form, divided into parts, cut into strips."""
