//! What became of one row, told to people and programs.
