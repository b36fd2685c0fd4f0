//! Load test of boshd: a neutral XMPP server, a floor to compare with, and a swarm of BOSH clients, in one binary.
//! README.md says how to run it and what each row of its table means.

mod client;
mod floor;
mod lifecycle;
mod message;
mod null;
mod process;
mod push;
mod report;
mod run;
mod scan;
mod scenario;
mod stats;
mod subject;

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use tokio::runtime::Builder;

#[derive(Parser)]
#[command(about = "Load test of boshd")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve a minimal XMPP domain `null` over TCP
    Null {
        #[arg(long)]
        listen: SocketAddr,
    },
    /// Serve plain hyper that pairs POSTs: the least a long-poll push can cost
    Floor {
        #[arg(long)]
        listen: SocketAddr,
    },
    /// Measure, verify, and print a table
    Run(run::Options),
}

fn main() -> ExitCode {
    match dispatch(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("loadtest: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn dispatch(command: Command) -> Result<ExitCode> {
    // Pinned to one core the multi-threaded runtime has one worker, as boshd's has.
    let runtime = match command {
        Command::Floor { .. } => Builder::new_multi_thread().enable_all().build(),
        Command::Null { .. } | Command::Run(_) => Builder::new_current_thread().enable_all().build(),
    }
    .context("no runtime")?;
    match command {
        Command::Null { listen } => runtime.block_on(null::serve(listen))?,
        Command::Floor { listen } => runtime.block_on(floor::serve(listen))?,
        Command::Run(options) => return runtime.block_on(run::run(options)),
    }
    Ok(ExitCode::SUCCESS)
}
