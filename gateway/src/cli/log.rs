//! Logs on stderr.

use tracing_subscriber::EnvFilter;

/// Begins to log what `filter` lets through. A filter that cannot be read lets warnings through.
pub(crate) fn log_to_stderr(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("warn"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .finish();
    // Fails only if a subscriber is set already, and this is called once.
    drop(tracing::subscriber::set_global_default(subscriber));
}
