//! Forms are kept, token by token, whatever the logits ask for.

mod fixture;
mod kept;
mod parts;
mod refused;
