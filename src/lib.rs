//! boshd: a BOSH connection manager (XEP-0124, XEP-0206). The floors, from the top down; imports go down only.

pub mod xml;
pub mod xmpp;

pub mod bosh;

pub mod net;

pub mod upstream;

pub mod manager;

pub mod front;
