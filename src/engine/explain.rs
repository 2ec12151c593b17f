//! What became of one row, and what will.
