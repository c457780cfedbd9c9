"""Very many pictures, read in parts: each is one Parquet file."""
