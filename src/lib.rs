//! boshd: a BOSH connection manager (XEP-0124, XEP-0206). The floors, from the top down; imports go down only.

// The bans of clippy.toml hold for the product; tests may look at the clock.
#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

pub mod telemetry;

pub mod xml;
pub mod xmpp;

pub mod bosh;

pub mod net;

pub mod upstream;

pub mod manager;

pub mod config;

pub mod app;
