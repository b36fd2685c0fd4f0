//! Arguments in, exit code out: reads the configuration, starts the runtime, and leaves the rest to `app`.

#![deny(clippy::disallowed_methods, clippy::unwrap_used)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use boshd::app::{self, App};
use boshd::config::{Config, ConfigError, Listen, Loaded, Origin};
use clap::{Parser, Subcommand};

/// Thousands of held requests come and go; this allocator gives memory back. Its settings: `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const EXAMPLES: &str = "\
Examples:
  boshd                                 try it out: an XMPP domain inside the process, on http://127.0.0.1:5280/
  boshd --listen 127.0.0.1:8080         the same on another port
  boshd check boshd.toml                is this configuration right? every problem at once, with its line
  boshd run --config boshd.toml         production; SIGTERM tells every client and ends with exit code 0
  boshd config --config boshd.toml      the settings in force, and where each comes from
  BOSHD_BOSH__MAX_WAIT=50s boshd run --config boshd.toml
                                        any key can be overridden: section, two underscores, key

The shortest configuration:
  [[listen]]
  address = \"127.0.0.1:5280\"            # behind a proxy that does HTTPS
  [[domain]]
  name = \"example.org\"
  servers = [\"10.0.0.5:5222\"]
  tls = \"none\"                          # the way to the server is one you trust

Exit codes:
  0  all well       1  check: unwise settings       2  wrong configuration or arguments       3  could not start";

/// Carries XMPP over HTTP long-polling: clients speak BOSH (XEP-0124, XEP-0206), the server plain XMPP over TCP.
///
/// Without a command: the sandbox, to try it out.
#[derive(Parser)]
#[command(name = "boshd", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
struct Arguments {
    /// Where the sandbox listens instead of 127.0.0.1:5280: another loopback address with a port.
    #[arg(long, value_name = "ADDRESS", value_parser = Listen::loopback)]
    listen: Option<Listen>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve, as a file says.
    Run {
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Say everything that is wrong or unwise in a file.
    Check {
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Show the settings in force and where each comes from.
    Config {
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

/// How the process ends. clap ends with 2 for wrong arguments by itself.
#[derive(Clone, Copy)]
enum Exit {
    Well = 0,
    Unwise = 1,
    Wrong = 2,
    CannotStart = 3,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let exit = match arguments.command {
        None => sandbox(arguments.listen.unwrap_or(Listen::SANDBOX)),
        Some(Command::Run { config }) => run(&config),
        Some(Command::Check { file }) => check(&file),
        Some(Command::Config { config }) => show(&config),
    };
    ExitCode::from(exit as u8)
}

fn sandbox(listen: Listen) -> Exit {
    let announce = |app: &App| {
        for address in app.addresses() {
            say(&format!(
                "boshd: the sandbox is on http://{address}/ (an XMPP domain inside this process, gone when it ends)"
            ));
        }
        say("For production: boshd run --config boshd.toml; the shortest such file is in boshd --help.");
    };
    serve(Config::sandbox(listen), announce)
}

fn run(file: &Path) -> Exit {
    match Config::load(file) {
        Ok(loaded) => {
            loaded.warnings.iter().for_each(complain);
            serve(loaded.config, |_| ())
        }
        Err(error) => wrong(&error),
    }
}

fn check(file: &Path) -> Exit {
    match Config::load(file) {
        Ok(Loaded { warnings, .. }) if warnings.is_empty() => Exit::Well,
        Ok(loaded) => {
            loaded.warnings.iter().for_each(complain);
            Exit::Unwise
        }
        Err(error) => wrong(&error),
    }
}

fn show(file: &Path) -> Exit {
    let loaded = match Config::load(file) {
        Ok(loaded) => loaded,
        Err(error) => return wrong(&error),
    };
    for setting in loaded.settings {
        let origin = match setting.origin {
            Origin::Default => "default".to_owned(),
            Origin::File(place) | Origin::Variable(place) => place,
        };
        say(&format!("{:<44}  # {origin}", format!("{} = {}", setting.key, setting.value)));
    }
    Exit::Well
}

fn serve(config: Config, announce: impl FnOnce(&App)) -> Exit {
    boshd::telemetry::start(app::log_options(&config.log));
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
        .and_then(|runtime| {
            let outcome = runtime.block_on(async {
                let stop = app::stop_signal()?;
                let app = App::build(&config)?;
                announce(&app);
                app.run(stop).await;
                Ok(())
            });
            // the system's resolver cannot be interrupted, and would keep the process beyond its deadline
            runtime.shutdown_background();
            outcome
        });
    match outcome {
        Ok(()) => Exit::Well,
        Err(error) => {
            complain(&format!("boshd: {error:#}"));
            Exit::CannotStart
        }
    }
}

fn wrong(error: &ConfigError) -> Exit {
    complain(error);
    Exit::Wrong
}

/// To stdout; whoever closed it does not want to hear it.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn complain(what: &(impl ToString + ?Sized)) {
    let _ = writeln!(std::io::stderr(), "{}", what.to_string());
}
