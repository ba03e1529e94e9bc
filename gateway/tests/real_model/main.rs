//! The program as its users meet it: the binary, a YAML file, the real model, the official clients.

mod cli;
mod clients;
mod server;
mod vanishing;
