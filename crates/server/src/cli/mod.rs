//! The command line: one file per command.
//!
//! Results go to standard output, as text or with `--json` as one JSON value, also when there is nothing but an error;
//! logs, warnings and reasons go to standard error. Status 0 means done, 1 refused or failed, 2 wrong usage: an option
//! that is unknown or missing, a word that is none of those that an option takes or stands twice, a setting's value that
//! cannot be read. What money, accounts and merchants make of a value is a refusal, by the same rules and with the same
//! codes as in the API.

mod account;
mod config_check;
mod demo;
pub(crate) mod failure;
mod hash;
mod key;
mod logging;
mod merchant;
mod migrate;
pub(crate) mod output;
mod qr;
mod rate;
pub(crate) mod serve;
mod statement;
mod transfer;
mod values;
mod webhook;

use crate::app::App;
use crate::config::{Config, ConfigError, Layer, Storage};
use crate::open;
use clap::{Args, Parser, Subcommand};
use failure::Failure;
use output::Output;
use std::ffi::OsString;
use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use xanpay_domain::environment::Environment;

/// A self-hosted payment gateway for instant bank transfers.
// Not Debug: a secret must not reach a log by way of `{:?}`.
#[derive(Parser)]
#[command(name = "xanpay", version, disable_help_subcommand = true, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command, before or after its name.
// Not Debug: a secret must not reach a log by way of `{:?}`.
#[derive(Clone, Args)]
#[command(next_help_heading = "General options")]
struct Global {
    /// Directory of the embedded database [env: XANPAY_DATA] [default: xanpay-data]
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<String>,
    /// PostgreSQL database to use instead, postgres://... [env: XANPAY_DATABASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// Settings file, TOML [env: XANPAY_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// File with the key that seals stored secrets [env: XANPAY_MASTER_KEY_FILE] [default: master.key beside the embedded
    /// database, or ~/.local/share/xanpay/master.key with PostgreSQL]
    #[arg(long, global = true, value_name = "FILE")]
    master_key_file: Option<String>,
    /// Print exactly one JSON value
    #[arg(long, global = true)]
    json: bool,
    /// Environment to work in; exchange rates, payment codes and settings are the same in both, and a server serves both
    #[arg(long, global = true, value_name = "sandbox|live", default_value = "sandbox")]
    env: Environment,
    /// What to log to standard error: a level or a filter [env: XANPAY_LOG] [default: info when serving, else warn]
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
    /// How log lines look: text or json [env: XANPAY_LOG_FORMAT] [default: text]
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<String>,
}

// Not Debug: a secret must not reach a log by way of `{:?}`.
#[derive(Subcommand)]
enum Command {
    /// Serve the API and the checkout
    Serve(serve::Serve),
    /// A sandbox ready to play with, in a directory that goes away unless --data or --database-url is given
    ///
    /// A sandbox ready to play with: a shop, accounts of every method, exchange rates, and lines to paste. It is in a
    /// directory that goes away, whatever database the settings and the environment name. --data or --database-url plays
    /// in one that stays, which must have no live merchant or receiving account.
    Demo(demo::Demo),
    /// Merchants, and what each may do
    #[command(subcommand)]
    Merchant(merchant::Merchant),
    /// API keys of merchants
    #[command(subcommand)]
    Key(key::Key),
    /// API keys of the operator
    #[command(subcommand)]
    OperatorKey(key::OperatorKey),
    /// Receiving accounts, to which customers pay
    #[command(subcommand)]
    Account(account::Account),
    /// Webhook endpoints of merchants
    #[command(subcommand)]
    Webhook(webhook::Webhook),
    /// Exchange rates
    #[command(subcommand)]
    Rate(rate::Rate),
    /// Bank statements
    #[command(subcommand)]
    Statement(statement::Statement),
    /// Incoming transfers
    #[command(subcommand)]
    Transfer(transfer::Transfer),
    /// Payment codes
    #[command(subcommand)]
    Qr(qr::Qr),
    /// The secure mode's hash of a request body on standard input
    Hash(hash::Hash),
    /// Bring the database to this program's schema; only PostgreSQL needs it
    Migrate,
    /// Settings
    #[command(subcommand)]
    Config(config_check::ConfigCommand),
}

/// The status of wrong usage, here as where clap finds it.
const WRONG_USAGE: u8 = 2;

/// What every command gets.
struct Context {
    config: Config,
    environment: Environment,
    output: Output,
}

impl Context {
    /// Runs the work of a command on a gateway that must be there. A mistyped directory must not become a new, empty one.
    fn with_existing_app<T, F, Fut>(&self, work: F) -> Result<T, Failure>
    where
        F: FnOnce(Arc<App>) -> Fut,
        Fut: Future<Output = Result<T, Failure>>,
    {
        match &self.config.storage {
            Storage::Directory(data) if !open::has_database(data) => {
                let hint = "name its directory with --data, or make one with `xanpay merchant create`";
                Err(Failure::new("database_missing", format!("there is no database in {}; {hint}", data.display())))
            }
            Storage::Directory(_) | Storage::Postgres(_) => self.with_app(work),
        }
    }

    /// Runs the work of a command that may be the first one: it makes the embedded database where there is none.
    fn with_app<T, F, Fut>(&self, work: F) -> Result<T, Failure>
    where
        F: FnOnce(Arc<App>) -> Fut,
        Fut: Future<Output = Result<T, Failure>>,
    {
        single_threaded()?.block_on(async {
            let app = open::open(&self.config, false, None).await?;
            let result = work(Arc::clone(&app)).await;
            open::close(app);
            result
        })
    }
}

/// A runtime for commands that end soon.
fn single_threaded() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new("runtime_failed", format!("cannot start: {error}")))
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return end_of_reading(&error, std::env::args_os()),
    };
    let output = Output { json: cli.global.json };
    let Err(failure) = run(cli, output) else { return ExitCode::SUCCESS };
    output::note(&format!("xanpay: {}", failure.message));
    if output.json && !failure.printed {
        // Standard error has the reason whatever becomes of this.
        let _ = output::line(&failure.to_json().to_string());
    }
    if failure.is_usage { ExitCode::from(WRONG_USAGE) } else { ExitCode::FAILURE }
}

/// Ends a call that is wrong usage, with status 2, or asks for help or the version, with 0.
fn end_of_reading(error: &clap::Error, mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    // There is nobody to tell when that fails.
    let _ = error.print();
    let text = error.to_string();
    let options = arguments.by_ref().take_while(|argument| argument != "--");
    if error.use_stderr() && options.into_iter().any(|argument| argument == "--json") {
        let reason = text.split("\n\n").next().unwrap_or_default();
        let failure = Failure::new("usage_invalid", reason.trim_start_matches("error: ").trim());
        let _ = output::line(&failure.to_json().to_string());
    }
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

fn run(cli: Cli, output: Output) -> Result<(), Failure> {
    let Cli { global, command } = cli;
    let resolved = resolve(&global, &command);
    if let Command::Config(command) = &command {
        return config_check::run(command, resolved, output);
    }
    let config = resolved?;
    let environment = global.env;
    logging::start(&config, matches!(command, Command::Serve(_)));
    let fresh = global.data.is_none() && global.database_url.is_none();
    let context = Context { config, environment, output };
    match command {
        Command::Serve(command) => serve::run(&command, &context),
        Command::Demo(command) => demo::run(&command, fresh, &context),
        Command::Merchant(command) => merchant::run(command, &context),
        Command::Key(command) => key::run(command, &context),
        Command::OperatorKey(command) => key::run_operator(&command, &context),
        Command::Account(command) => account::run(command, &context),
        Command::Webhook(command) => webhook::run(command, &context),
        Command::Rate(command) => rate::run(command, &context),
        Command::Statement(command) => statement::run(command, &context),
        Command::Transfer(command) => transfer::run(command, &context),
        Command::Qr(command) => qr::run(command, &context),
        Command::Hash(command) => hash::run(&command, &context),
        Command::Migrate => migrate::run(&context),
        Command::Config(_) => Ok(()),
    }
}

/// The effective settings: flags, environment, file, defaults.
fn resolve(global: &Global, command: &Command) -> Result<Config, ConfigError> {
    let mut faults = Vec::new();
    let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let readable = variables.filter_map(|(name, value)| Some((name, value.into_string().ok()?)));
    let mut strangers = Vec::new();
    let (environment, named_file) = Layer::environment(readable, &mut strangers);
    // The environment is shared with others, so that a stranger in it stops nothing; a slip of the pen is still seen.
    for stranger in strangers {
        output::note(&format!("warning: {stranger}"));
    }
    let file = global.config.clone().or(named_file).map(|path| Layer::file(&path, &mut faults));
    let mut layers = [flags(global, command), environment, file.unwrap_or_default()];
    if let (Command::Demo(_), [flags, environment, file]) = (command, &mut layers) {
        // A demonstration touches real data only when it is told so on the command line, and then needs the key to it.
        let has_place = flags.get("data").is_some() || flags.get("database_url").is_some();
        let keys: &[&str] = if has_place { &[] } else { &["master_key", "master_key_file"] };
        for name in ["data", "database_url", "listen", "public_url"].iter().chain(keys) {
            environment.forget(name);
            file.forget(name);
        }
    }
    Config::resolve(&layers, faults)
}

fn flags(global: &Global, command: &Command) -> Layer {
    let mut given: Vec<(&'static str, Vec<String>)> = vec![
        ("data", global.data.iter().cloned().collect()),
        ("database_url", global.database_url.iter().cloned().collect()),
        ("master_key_file", global.master_key_file.iter().cloned().collect()),
        ("log", global.log.iter().cloned().collect()),
        ("log_format", global.log_format.iter().cloned().collect()),
    ];
    match command {
        Command::Serve(serve) => given.extend(serve.settings()),
        Command::Demo(demo) => given.push(("listen", demo.listen.iter().cloned().collect())),
        Command::Merchant(_)
        | Command::Key(_)
        | Command::OperatorKey(_)
        | Command::Account(_)
        | Command::Webhook(_)
        | Command::Rate(_)
        | Command::Statement(_)
        | Command::Transfer(_)
        | Command::Qr(_)
        | Command::Hash(_)
        | Command::Migrate
        | Command::Config(_) => {}
    }
    Layer::flags(given)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn general_options_stand_before_or_after_the_command() {
        for line in [
            ["xanpay", "--json", "--data", "d", "--env", "live", "merchant", "list"],
            ["xanpay", "merchant", "--env", "live", "list", "--json", "--data", "d"],
        ] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert!(cli.global.json && cli.global.data.as_deref() == Some("d"), "{line:?}");
            assert_eq!(cli.global.env, Environment::Live, "{line:?}");
        }
    }

    #[test]
    fn every_command_says_what_it_does() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            command.get_arguments().for_each(|argument| {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            });
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }

    #[test]
    fn commands_that_do_nothing_yet_are_absent() {
        for absent in ["refund", "payout", "verify", "backup", "restore", "doctor"] {
            assert!(Cli::try_parse_from(["xanpay", absent]).is_err(), "{absent}");
        }
    }
}
