//! What clients do with HTTP (group H of `rules.txt`).
