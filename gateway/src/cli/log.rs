//! Logs on stderr.

use tracing_subscriber::EnvFilter;

/// Begins to log what `filter` lets through. A filter that cannot be read lets warnings through. The lines of
/// a replica are plain and without a time: its server writes them again.
pub(crate) fn log_to_stderr(filter: &str, is_replica: bool) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("warn"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // Fails only if a subscriber is set already, and this is called once.
    drop(match is_replica {
        true => {
            let plain = lines.with_ansi(false).without_time().finish();
            tracing::subscriber::set_global_default(plain)
        }
        false => tracing::subscriber::set_global_default(lines.finish()),
    });
}
