//! What clients write into their requests (group P of `rules.txt`).
