"""Which strategy wins where: decisions as typed values, without words."""
