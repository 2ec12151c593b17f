//! Everything both sides know of one key.
