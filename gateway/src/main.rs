//! The program `penstock`. This file only wires: what comes from outside (arguments, environment,
//! terminal, signals) meets the commands of `cli`.

#![forbid(unsafe_code)]

mod cli;
mod env;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use rustls::crypto::aws_lc_rs;

use cli::{Arguments, Terminal};
use env::Environment;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let environment = Environment::of_process();
    // Two TLS providers are linked, and without a choice rustls refuses to make one. It is already
    // made only if something made it before `main`, which is as good.
    drop(aws_lc_rs::default_provider().install_default());
    cli::log_to_stderr(environment.log_filter(), arguments.is_replica());
    let mut terminal = Terminal {
        out: Box::new(std::io::stdout()),
        err: Box::new(std::io::stderr()),
        out_is_tty: std::io::stdout().is_terminal(),
        err_is_tty: std::io::stderr().is_terminal(),
        in_is_tty: std::io::stdin().is_terminal(),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return cli::report(&anyhow::Error::new(error), &mut terminal),
    };
    let outcome = runtime.block_on(cli::dispatch(arguments, &environment, &mut terminal));
    // A read of the terminal or a name lookup may still hang in a thread; nobody waits for it.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => cli::report(&error, &mut terminal),
    }
}
