//! The `xanpay` program.

use std::process::ExitCode;

// Requests are many small allocations on several threads. With the system's allocator they were a fifth of the time of
// `GET /sessions/{id}` and a quarter of a checkout page's (see bench/).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    xanpay_server::cli::main()
}
