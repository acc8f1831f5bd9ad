//! The `xanpay` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    xanpay_server::cli::main()
}
